"""The journal's thread: commits in groups, survives a file that cannot be written, tells who waits."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from executor import sqlite
from executor.journal import Journal
from executor.journal_store import Answer, Batch, JournalStore
from executor.journal_writer import JournalBroken
from executor.logpages import LogPages
from executor.logstore import Chunk, LogWriter
from executor.model import Result, RunState, Trigger
from executor.runlog import RunLog
from tests.integration.executor_service import until

pytestmark = pytest.mark.sources


class Store(JournalStore):
    """A journal's file whose disk can be full for a while."""

    full = False
    commits = 0

    def commit(self, batch: Batch) -> list[Answer]:
        if self.full:
            raise sqlite.Error("database or disk is full")
        self.commits += 1
        return super().commit(batch)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "journal.db", full_sync=False)


@pytest.fixture
async def journal(store: Store, tmp_path: Path) -> AsyncIterator[Journal]:
    journal = Journal(
        store, LogWriter(tmp_path / "logs"), remember=1000, records=False, called_back=["main"]
    )
    journal.start()
    yield journal
    await journal.close()


def a_trigger(log_id: int) -> Trigger:
    return Trigger(cluster="main", log_id=log_id, triggered_ms=5, job_id=1)


def accept(journal: Journal, log_id: int) -> tuple[int, asyncio.Future[Any]]:
    told: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    run_id = journal.new_id()
    journal.accept(run_id, a_trigger(log_id), now_ms=6, running=False, done=told.set_result)
    return run_id, told


def a_result(message: str = "done") -> Result:
    return Result(state=RunState.SUCCEEDED, message=message, started_ms=6, ended_ms=7)


async def test_what_comes_in_one_turn_is_one_commit(journal: Journal, store: Store) -> None:
    waiting = [accept(journal, log_id)[1] for log_id in range(200)]
    answers = await asyncio.gather(*waiting)

    assert {answer.state for answer in answers} == {None}
    assert store.commits == 1


async def test_a_question_is_answered_after_what_was_said_before_it(journal: Journal) -> None:
    run_id, _ = accept(journal, 1)
    journal.finish(run_id, a_result())
    (owed,) = await journal.owed_callbacks("main", 10)
    await journal.taken([owed.run_id])

    assert owed.message == "done"
    assert await journal.owed_callbacks("main", 10) == []


async def test_what_is_owed_and_cannot_be_read_ends_the_question_not_the_journal(
    journal: Journal, tmp_path: Path
) -> None:
    run_id, _ = accept(journal, 1)
    journal.finish(run_id, a_result())
    await journal.written()
    with contextlib.closing(sqlite.connect(tmp_path / "journal.db")) as db:
        db.execute("UPDATE run SET message = CAST(x'ff' AS TEXT)")

    with pytest.raises(JournalBroken, match="can't decode byte 0xff"):
        await journal.owed_callbacks("main", 10)
    assert isinstance(await accept(journal, 1)[1], JournalBroken)  # what it was answered is gone
    assert (await accept(journal, 2)[1]).state is None


async def test_while_nothing_can_be_written_accepts_fail_and_results_wait(
    journal: Journal, store: Store
) -> None:
    kept = [accept(journal, log_id)[0] for log_id in (1, 2)]
    assert await journal.owed_callbacks("main", 10) == []
    store.full = True
    _, refused = accept(journal, 3)
    begun: list[object] = []
    for run_id in kept:
        journal.begin(run_id, started_ms=6, restarts=0, done=begun.append)
        journal.finish(run_id, a_result(f"of {run_id}"))
    answer = await refused

    assert isinstance(answer, JournalBroken)
    assert str(answer) == journal.failure == "database or disk is full"
    assert await journal.owed_callbacks("main", 10) == []
    assert begun == []

    store.full = False
    _, later = accept(journal, 3)
    assert (await later).state is None
    assert journal.failure == ""
    owed = await journal.owed_callbacks("main", 10)
    assert [one.message for one in owed] == [f"of {run_id}" for run_id in kept]
    await until(lambda: len(begun) == len(kept))


async def test_results_that_wait_are_written_without_anything_new_coming(
    journal: Journal, store: Store
) -> None:
    run_id, accepted = accept(journal, 1)
    await accepted
    store.full = True
    journal.finish(run_id, a_result())
    await until(lambda: journal.failure)
    store.full = False
    await until(lambda: not journal.failure)

    assert len(await journal.owed_callbacks("main", 10)) == 1


async def test_a_close_writes_what_is_left(tmp_path: Path) -> None:
    path, logs = tmp_path / "journal.db", tmp_path / "logs"
    journal = Journal(
        JournalStore(path, full_sync=False),
        LogWriter(logs),
        remember=1000,
        records=False,
        called_back=["main"],
    )
    journal.start()
    run_id, told = accept(journal, 1)
    journal.finish(run_id, a_result())
    journal.write_log(Chunk("main", 1, 5, 1, 1, "last words\n"))
    await journal.close()

    assert (await told).state is None
    store = JournalStore(path, full_sync=False)
    assert len(store.owed_callbacks("main", 10)) == 1
    assert list(LogPages(logs).lines("main", 1, 5)) == ["last words"]
    store.close()


async def test_old_settled_runs_are_forgotten_and_the_newest_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("executor.journal_writer._FORGET_EVERY", 100)
    store = JournalStore(tmp_path / "journal.db", full_sync=False)
    journal = Journal(
        store, LogWriter(tmp_path / "logs"), remember=50, records=False, called_back=["main"]
    )
    journal.start()
    for log_id in range(200):
        run_id, told = accept(journal, log_id)
        await told
        journal.finish(run_id, a_result())
        await journal.taken([run_id])
    oldest = await journal.first_answer(a_trigger(0))
    newest = await journal.first_answer(a_trigger(199))
    await journal.close()

    assert oldest is None
    assert newest is not None


async def test_chunks_of_a_live_run_reach_the_file_in_their_order(
    journal: Journal, tmp_path: Path
) -> None:
    log = RunLog(a_trigger(1).identity, journal)
    for text in ("first", "second"):
        log.write_raw(text)
        log.flush()
    log.write_raw("third")
    await asyncio.to_thread(log.flush)
    await journal.written()

    with contextlib.closing(sqlite.connect(tmp_path / "logs" / "1970-01-01.db")) as db:
        rows = db.execute("SELECT first_line, text FROM chunk ORDER BY id").fetchall()
    assert rows == [(1, "first\n"), (2, "second\n"), (3, "third\n")]
