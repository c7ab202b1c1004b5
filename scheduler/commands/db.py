"""Bring the database to this version's schema before the services do so as they start."""

from __future__ import annotations

import argparse
import asyncio
import sys

from scheduler.database import SCHEMA
from scheduler.invocation import declare_config, settings_of
from scheduler.log_setup import configure
from scheduler.settings import Settings
from scheduler.storage import prepared


def declare(parser: argparse.ArgumentParser) -> None:
    declare_config(parser)
    parts = parser.add_subparsers(dest="part", metavar="upgrade", required=True)
    upgrade = parts.add_parser(
        "upgrade",
        help="make it, or bring its schema forward",
        description="Make the database where it is missing, and bring its schema forward.",
    )
    declare_config(upgrade)


def run(arguments: argparse.Namespace) -> int:
    settings = settings_of(arguments)
    configure(settings.logging)
    sys.stdout.write(f"the schema is at revision {asyncio.run(_upgrade(settings))}\n")
    return 0


async def _upgrade(settings: Settings) -> str:
    async with prepared(settings) as storage, storage.engine.connect() as connection:
        query = f"SELECT version_num FROM {SCHEMA}.alembic_version"
        return str((await connection.exec_driver_sql(query)).scalar_one())
