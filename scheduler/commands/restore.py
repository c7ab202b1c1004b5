"""Bring a backup of the handler dataBackup back: all of it, or nothing."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from scheduler.invocation import declare_config, settings_of
from scheduler.log_setup import configure
from scheduler.restore import restore
from scheduler.sealed import closed_secrets, key_advice, said_of
from scheduler.settings import Settings
from scheduler.storage import prepared
from scheduler.system_zone import service_zone


def declare(parser: argparse.ArgumentParser) -> None:
    declare_config(parser)
    parser.add_argument("file", type=Path, metavar="FILE", help="backup-….tar.gz")
    parser.add_argument("--replace", action="store_true", help="let what is in the database go")


def run(arguments: argparse.Namespace) -> int:
    settings = settings_of(arguments)
    configure(settings.logging)
    asyncio.run(_restore(settings, arguments.file, replace=arguments.replace))
    return 0


async def _restore(settings: Settings, path: Path, *, replace: bool) -> None:
    timezone = service_zone(settings)
    async with prepared(settings) as storage:
        manifest = await restore(storage.dsn, path, replace=replace, timezone=timezone)
        async with storage.engine.connect() as lent:
            driver = (await lent.get_raw_connection()).driver_connection
            closed = await closed_secrets(driver, settings)
    rows = sum(table.rows for table in manifest.tables)
    sys.stdout.write(
        f"restored {len(manifest.tables)} tables, {rows} rows, as of {manifest.taken:%Y-%m-%d %H:%M:%S} UTC\n"
    )
    if closed:
        sys.stderr.write(f"qooerp-scheduler: {said_of(closed)}; {key_advice(settings)}\n")
