"""Logs of runs on a disk that has its own mind: said, and tried again; the service goes on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from executor.clock import SystemClock
from executor.journal import Journal
from executor.journal_store import JournalStore
from executor.logkeeper import LogKeeper
from executor.logstore import Chunk, LogWriter
from tests.integration.executor_service import a_trigger, an_executor, post, until

WHEN_MS = 1_795_466_126_195
"""A moment of 2026-11-23, UTC."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "logs"


@pytest.fixture
def writer(folder: Path) -> LogWriter:
    return LogWriter(folder)


@pytest.fixture
async def keeper(writer: LogWriter, tmp_path: Path) -> AsyncIterator[LogKeeper]:
    store = JournalStore(tmp_path / "journal.db", full_sync=False)
    journal = Journal(store, writer, remember=1000, records=False, called_back=["main"])
    journal.start()
    yield LogKeeper(journal, writer, clock=SystemClock(), keep_days=3)
    await journal.close()


def facts(events: list[Any], name: str) -> list[dict[str, Any]]:
    return [event for event in events if event["event"] == name]


async def test_a_day_that_cannot_be_deleted_is_told_and_the_others_are_dropped(
    keeper: LogKeeper, folder: Path
) -> None:
    (folder / "2020-01-01.db").mkdir()
    (folder / "2020-01-02.db").touch()
    with capture_logs() as events:
        await keeper.drop()

    assert [fact["day"] for fact in facts(events, "logs_dropped")] == ["2020-01-02"]
    assert [fact["day"] for fact in facts(events, "logs_not_dropped")] == ["2020-01-01"]


async def test_lost_lines_are_told_once(keeper: LogKeeper, writer: LogWriter, folder: Path) -> None:
    chunk = Chunk("main", 1, WHEN_MS, 1, 2, "a\nb\n")
    (folder / "2026-11-23.db").mkdir()
    with capture_logs() as events:
        keeper.tell_losses()
        writer.append([chunk])
        keeper.tell_losses()
        keeper.tell_losses()

    (told,) = facts(events, "log_lines_lost")
    assert told["lines"] == 2
    assert "unable to open" in told["reason"]


async def test_strange_files_among_the_logs_stop_no_service(tmp_path: Path) -> None:
    logs = tmp_path / "data" / "logs"
    (logs / "2020-01-01.db").mkdir(parents=True)
    for name in ("copy-of-01.db", "2020-01-02.db"):
        (logs / name).touch()
    async with an_executor(tmp_path) as app:
        await until(lambda: not (logs / "2020-01-02.db").exists())
        assert (await post(app.url() + "/run", a_trigger(1))).code == 200
        assert not app.failed.done()


async def test_lines_that_are_lost_in_the_last_minute_are_told_when_all_is_written(
    tmp_path: Path,
) -> None:
    with capture_logs() as events:
        async with an_executor(tmp_path) as app:
            writer = app._log_keeper._writer
            (tmp_path / "data" / "logs" / "2026-11-23.db").mkdir()
            await post(app.url() + "/run", a_trigger(1, "lines", "3"))
            await until(lambda: writer.lost_lines)
            assert facts(events, "log_lines_lost") == []

    (told,) = facts(events, "log_lines_lost")
    assert told["lines"] == writer.lost_lines
