"""Check machine, data, Admins and database; say of each whether it is ok, and what to do."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import AsyncIterator
from dataclasses import asdict

from scheduler.cli import FAILED
from scheduler.doctor.admins import look_at_admins
from scheduler.doctor.finding import Finding, Verdict
from scheduler.doctor.machine import look_at_machine
from scheduler.doctor.nacos import look_at_nacos
from scheduler.doctor.network import look_at_network
from scheduler.doctor.shared import look_at_redis, look_at_replicas, look_at_secrets
from scheduler.doctor.storage import look_at_database
from scheduler.invocation import declare_app_dir, declare_config, enter_app_dir, sources_of
from scheduler.nacos.overlay import Laid, begin
from scheduler.system_zone import service_zone


def declare(parser: argparse.ArgumentParser) -> None:
    declare_config(parser)
    declare_app_dir(parser)
    parser.add_argument("--json", action="store_true", help="as JSON, for scripts")
    parser.add_argument(
        "--try-password",
        action="store_true",
        help="try each Admin's shipped password once, also where no console user is set",
    )


def run(arguments: argparse.Namespace) -> int:
    laid = begin(sources_of(arguments))
    laid.settings.clusters()
    enter_app_dir(arguments)
    findings = asyncio.run(_look(laid, arguments))
    if arguments.json:
        sys.stdout.write(json.dumps([asdict(one) for one in findings], indent=2) + "\n")
    failed = any(one.verdict is Verdict.FAIL for one in findings)
    return FAILED if failed else 0


async def _look(laid: Laid, arguments: argparse.Namespace) -> list[Finding]:
    """Every finding; without --json, each is written as it is made, as some take seconds."""
    findings = []
    async for finding in _all(laid, try_password=arguments.try_password):
        findings.append(finding)
        if not arguments.json:
            sys.stdout.write(_lines(finding))
            sys.stdout.flush()
    return findings


async def _all(laid: Laid, *, try_password: bool) -> AsyncIterator[Finding]:
    settings = laid.settings
    zone = service_zone(settings)
    for finding in look_at_machine(settings):
        yield finding
    async for finding in look_at_network(settings):
        yield finding
    async for finding in look_at_admins(settings, zone=zone, try_password=try_password):
        yield finding
    async for finding in look_at_nacos(settings, laid):
        yield finding
    yield await look_at_database(settings)
    yield await look_at_replicas(settings)
    yield await look_at_secrets(settings)
    yield await look_at_redis(settings)


def _lines(finding: Finding) -> str:
    line = f"{finding.verdict:4}  {finding.subject}: {finding.said}\n"
    return f"{line}      → {finding.advice}\n" if finding.advice else line
