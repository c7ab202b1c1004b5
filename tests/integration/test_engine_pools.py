"""How much runs at once: next attempts, and the jobs of a group."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import asyncpg

from scheduler.engine.plan import MISFIRED_AFTER
from tests.integration.api_service import an_api
from tests.integration.engine_service import (
    a_service,
    add_job,
    ended,
    runs_of,
    settled,
    soon,
    until,
)


async def test_next_attempts_take_no_place_of_a_first_run_beyond_their_pool(
    tmp_path, database_url, sql
):
    """Four fail and would run on and on; two places are theirs."""
    retried = {"retry_strategy": "fixed", "retry_count": 1, "handler_name": "failThenWait"}
    async with an_api(tmp_path, database_url, engine__retry_workers=2) as api:
        jobs = [await once(sql, **retried) for _ in range(4)]

        async def retry_pool() -> dict[str, int]:
            pools = (await api.get("/statistics/monitor"))["pools"]
            retries: dict[str, int] = pools["retry"]
            return retries

        full = {"running": 2, "waiting": 2, "limit": 2}
        await until(retry_pool, lambda pool: pool == full)
        await ended(sql, await once(sql), count=1)
        assert await retry_pool() == full
        for _ in jobs:
            [*_, retry] = await until(lambda: running(sql, jobs), lambda rows: rows)
            await api.post(f"/logs/{retry['id']}/kill")
            await api.ended(retry["id"])
        await settled(sql)

    rows = await runs_of(sql, *jobs)
    retries = [row for row in rows if row["trigger_type"] == "retry"]
    assert [row["status"] for row in retries] == ["killed"] * 4
    assert most_at_once(retries) == 2


async def test_the_jobs_of_a_group_run_no_more_at_once_than_it_allows_on_all_replicas(
    tmp_path, database_url, sql
):
    groups = json.dumps([{"name": "narrow", "most": 2}])
    async with (
        a_service(tmp_path / "one", database_url, engine__groups=groups),
        a_service(tmp_path / "other", database_url, engine__groups=groups),
    ):
        pause = {"handler_name": "pause", "params": "0.5"}
        narrow = [await once(sql, job_group="narrow", **pause) for _ in range(6)]
        wide = [await once(sql, job_group="wide", **pause) for _ in range(6)]
        rows = await ended(sql, *narrow, *wide, count=12)
        await settled(sql)

    assert {row["status"] for row in rows} == {"succeeded"}
    assert most_at_once([row for row in rows if row["job_id"] in narrow]) == 2
    assert most_at_once([row for row in rows if row["job_id"] in wide]) > 2


async def test_a_fire_that_waits_for_a_place_in_its_group_is_not_missed(
    tmp_path, database_url, sql
):
    """It waits for longer than its lease, and than any other fire may be late."""
    groups = json.dumps([{"name": "narrow", "most": 1}])
    hasty = {"engine__groups": groups, "engine__lease_seconds": 5}
    async with a_service(tmp_path, database_url, **hasty):
        long = await once(sql, job_group="narrow", handler_name="pause", params="7")
        await until(lambda: running(sql, [long]), lambda rows: rows)
        waiting = await once(sql, job_group="narrow", misfire_policy="skip")
        (row,) = await ended(sql, waiting, count=1)

    assert row["status"] == "succeeded"
    assert row["start_time"] - row["scheduled_time"] > MISFIRED_AFTER


async def test_the_monitor_shows_the_pools_of_attempts_and_notifications(tmp_path, database_url):
    chosen: dict[str, Any] = {"engine__retry_workers": 3, "engine__notify_workers": 5}
    async with an_api(tmp_path, database_url, **chosen) as api:
        monitor = await api.get("/statistics/monitor")
        pools = monitor["pools"]

    assert {"async", "thread", "process", "script"} < set(pools)
    assert monitor["handlerLoop"] == {"blocks": 0, "blockedSeconds": 0}
    assert pools["retry"] == {"running": 0, "waiting": 0, "limit": 3}
    assert pools["notify"] == {"running": 0, "waiting": 0, "limit": 5}


async def once(sql: asyncpg.Connection, **columns: Any) -> int:
    """A job that is to run once, now."""
    now = soon()
    return await add_job(sql, schedule_type="once", run_at=now, next_run_time=now, **columns)


async def running(sql: asyncpg.Connection, jobs: list[int]) -> list[asyncpg.Record]:
    return [row for row in await runs_of(sql, *jobs) if row["status"] == "running"]


def most_at_once(rows: list[asyncpg.Record]) -> int:
    """How many of these runs overlapped at most; one that ends in a moment frees it."""
    changes = sorted(
        [(row["start_time"], 1) for row in rows]
        + [(row["end_time"] - timedelta(milliseconds=1), -1) for row in rows]
    )
    most = now = 0
    for _, change in changes:
        now += change
        most = max(most, now)
    return most
