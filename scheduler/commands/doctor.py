"""Check machine, data, Admins and database; say of each whether it is ok, and what to do."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import AsyncIterator
from dataclasses import asdict

from scheduler.cli import FAILED
from scheduler.doctor.finding import Finding, Verdict
from scheduler.doctor.machine import look_at_machine
from scheduler.doctor.network import look_at_network
from scheduler.doctor.shared import look_at_redis, look_at_replicas
from scheduler.doctor.storage import look_at_database
from scheduler.invocation import declare_app_dir, declare_config, enter_app_dir, settings_of
from scheduler.settings import Settings


def declare(parser: argparse.ArgumentParser) -> None:
    declare_config(parser)
    declare_app_dir(parser)
    parser.add_argument("--json", action="store_true", help="as JSON, for scripts")


def run(arguments: argparse.Namespace) -> int:
    settings = settings_of(arguments)
    settings.clusters()
    enter_app_dir(arguments)
    findings = asyncio.run(_look(settings, aloud=not arguments.json))
    if arguments.json:
        sys.stdout.write(json.dumps([asdict(one) for one in findings], indent=2) + "\n")
    failed = any(one.verdict is Verdict.FAIL for one in findings)
    return FAILED if failed else 0


async def _look(settings: Settings, *, aloud: bool) -> list[Finding]:
    """Every finding; *aloud*, each is written as it is made, as some take seconds."""
    findings = []
    async for finding in _all(settings):
        findings.append(finding)
        if aloud:
            sys.stdout.write(_lines(finding))
            sys.stdout.flush()
    return findings


async def _all(settings: Settings) -> AsyncIterator[Finding]:
    for finding in look_at_machine(settings):
        yield finding
    async for finding in look_at_network(settings):
        yield finding
    yield await look_at_database(settings)
    yield await look_at_replicas(settings)
    yield await look_at_redis(settings)


def _lines(finding: Finding) -> str:
    line = f"{finding.verdict:4}  {finding.subject}: {finding.said}\n"
    return f"{line}      → {finding.advice}\n" if finding.advice else line
