"""Fill the database with test data: jobs of every kind, some runs and configs, in the group demo."""

from __future__ import annotations

import argparse
import asyncio
import sys

from executor.clock import SystemClock
from scheduler.configs import ConfigService
from scheduler.demo_data import fill
from scheduler.invocation import declare_config, settings_of
from scheduler.job_service import JobService
from scheduler.log_setup import configure
from scheduler.recorder import Recorder
from scheduler.secret_box import SecretBox
from scheduler.settings import Settings
from scheduler.storage import prepared
from scheduler.system_zone import service_zone


def declare(parser: argparse.ArgumentParser) -> None:
    declare_config(parser)


def run(arguments: argparse.Namespace) -> int:
    settings = settings_of(arguments)
    configure(settings.logging)
    made = asyncio.run(_fill(settings))
    sys.stdout.write(f"{made} jobs made\n" if made else "all of it is there already\n")
    return 0


async def _fill(settings: Settings) -> int:
    timezone = service_zone(settings)
    secrets = SecretBox.of(settings)
    async with prepared(settings) as storage:
        return await fill(
            JobService(storage.engine, SystemClock(), timezone=timezone),
            ConfigService(storage.engine, secrets),
            Recorder(storage.engine, timezone=timezone, history=True),
            database=storage.engine,
            clock=SystemClock(),
        )
