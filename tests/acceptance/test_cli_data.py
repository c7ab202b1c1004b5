"""The commands that fill a database and bring a backup back, on a PostgreSQL of their own."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from executor.testing.run import run_handler
from handlers.backup import data_backup
from scheduler.settings import load
from scheduler.storage import prepared
from tests.acceptance.command import say

_TABLES = ("schedule_job", "schedule_log", "schedule_config", "schedule_job_daily")


async def test_test_data_are_filled_in_backed_up_and_restored(tmp_path: Path) -> None:
    first = await say(tmp_path, "demo-data")
    again = await say(tmp_path, "demo-data")
    assert (first.code, first.out) == (0, "13 jobs made\n"), first
    assert (again.code, again.out) == (0, "all of it is there already\n"), again
    before, archive = await _backed_up(tmp_path)

    refused = await say(tmp_path, "restore", archive)
    restored = await say(tmp_path / "..", "restore", archive, data_dir=tmp_path / "other")

    assert (refused.code, refused.out) == (2, "")
    assert "--replace" in refused.err
    assert restored.code == 0, restored
    assert "the key at hand does not open config " in restored.err
    assert f"{tmp_path / 'other' / 'secret.key'}, from the service" in restored.err
    assert not (tmp_path / "other" / "secret.key").exists()
    assert restored.out.startswith("restored ")
    assert await _everything(tmp_path / "other") == before


async def _backed_up(folder: Path) -> tuple[list[str], Path]:
    """What there is, and a backup of it."""
    async with prepared(_settings(folder / "data")) as storage:
        resources = {"database": storage.dsn, "data_dir": str(folder), "timezone": "UTC"}
        outcome = await asyncio.to_thread(run_handler, data_backup, resources=resources)
    [archive] = (folder / "backups").glob("*.tar.gz")
    assert archive.name in outcome.message
    return await _everything(folder / "data"), archive


async def _everything(data_dir: Path) -> list[str]:
    """The rows of the tables that matter most, as text."""
    queries = [f"SELECT t::text FROM qooerp_scheduler.{name} t ORDER BY 1" for name in _TABLES]
    async with prepared(_settings(data_dir)) as storage, storage.engine.connect() as connection:
        return [row[0] for query in queries for row in await connection.exec_driver_sql(query)]


def _settings(data_dir: Path):
    return load(None, {"QOOERP_DATA_DIR": str(data_dir)})


async def test_the_schema_is_brought_forward_before_a_service_starts(tmp_path: Path) -> None:
    first = await say(tmp_path, "db", "upgrade")
    again = await say(tmp_path, "db", "upgrade")

    assert first.code == 0, first
    assert re.fullmatch(r"the schema is at revision \w+\n", first.out)
    assert again == first
    assert await _everything(tmp_path / "data") == []


async def test_a_backup_that_is_not_there_is_named(tmp_path: Path) -> None:
    said = await say(tmp_path, "restore", "nowhere.tar.gz")

    assert said.code == 2
    assert said.err.endswith("qooerp-scheduler: there is no file nowhere.tar.gz\n")
    assert "Traceback" not in said.err


@pytest.mark.parametrize("command", [["db", "upgrade"], ["demo-data"], ["restore", "/dev/null"]])
async def test_a_database_that_is_not_there_is_said_in_one_sentence(
    tmp_path: Path, command: list[str]
) -> None:
    said = await say(tmp_path, *command, database__url="postgresql://nobody@nowhere.invalid/x")

    assert said.code == 2
    assert "Traceback" not in said.err
