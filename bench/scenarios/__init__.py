"""What is measured: one module a scenario, one row a target."""

from __future__ import annotations

from bench.scenario import Scenario
from bench.scenarios import (
    alarms,
    api,
    api_fuzz,
    beat,
    change,
    chaos,
    claim,
    crash,
    cron,
    fires,
    growth,
    kill,
    lateness,
    lists,
    log,
    mail_outage,
    mirror,
    outage,
    recorder,
    replicas,
    start,
    storage_outage,
    throughput,
)

ALL: tuple[Scenario, ...] = tuple(
    module.SCENARIO
    for module in (
        throughput,
        growth,
        beat,
        log,
        kill,
        start,
        crash,
        outage,
        lateness,
        fires,
        claim,
        cron,
        replicas,
        change,
        api,
        lists,
        recorder,
        api_fuzz,
        storage_outage,
        chaos,
        mirror,
        alarms,
        mail_outage,
    )
)
