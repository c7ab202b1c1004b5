"""The executor's durable memory: accepted runs and undelivered reports.

One thread owns the file (`journal_writer.py`). Whatever waits for it is committed together (group
commit), so a hundred triggers that arrive at once cost one transaction. All methods are called on
the control loop, but for those of the logs, which any thread may call.
"""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import date
from typing import Any, TypeVar

from executor.handover import Handover
from executor.journal_store import Answer, JournalStore, OwedCallback, encode_trigger
from executor.journal_writer import Ask, Item, JournalBroken, JournalWriter, Op, settle
from executor.logstore import Chunk, LogWriter
from executor.model import Report, Result, RunState, Trigger

_T = TypeVar("_T")
_PACE_S = 0.004
"""Ends of runs, for which nobody waits, are carried along by what is waited for."""
_LOG_PACE_S = 0.05
"""Logs are a file of their own, with transactions of its own."""


class Journal:
    """Accepts, starts and finishes runs durably, and knows what is owed to whom.

    About *remember* settled runs are kept, to answer a repeated trigger; with *records*, every
    change is also owed to the recorder. Clusters that are *called_back* are owed the results of
    their runs; others are none of an Admin's, and owed nothing.
    """

    def __init__(
        self,
        store: JournalStore,
        logs: LogWriter,
        *,
        remember: int,
        records: bool,
        called_back: Collection[str],
    ) -> None:
        self._logs = logs
        self._writer = JournalWriter(store, logs, remember=remember)
        self._record = int(records)
        self._called_back = called_back
        run_id, revision = store.next_ids()
        self._ids = itertools.count(run_id)
        self._revisions = itertools.count(revision)

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._home = threading.get_ident()
        self._writer.start()
        self._turn: Handover[Item] = Handover(self._loop, self._writer.put, pace_s=_PACE_S)
        self._log_turn: Handover[Item] = Handover(self._loop, self._writer.put, pace_s=_LOG_PACE_S)

    async def close(self) -> None:
        """Write what is left, then close the files."""
        self._log_turn.flush()
        self._turn.flush()
        await self._writer.close()

    @property
    def died(self) -> asyncio.Future[None]:
        """Done, with the exception, when the writer has died of a bug. There once it is started."""
        return self._writer.died

    @property
    def failure(self) -> str:
        """Why the journal cannot be written at the moment; empty when it can."""
        return self._writer.failure

    # what happens to a run

    def new_id(self) -> int:
        return next(self._ids)

    def accept(
        self,
        run_id: int,
        trigger: Trigger,
        *,
        now_ms: int,
        running: bool,
        done: Callable[[Answer | JournalBroken], None],
    ) -> None:
        """Remember *trigger*; *done* learns whether it is new once that is on disk."""
        state = RunState.RUNNING if running else RunState.QUEUED
        times = (now_ms, now_ms if running else None, None)
        self._accept(
            run_id, trigger, state, times, "", int(trigger.cluster in self._called_back), done
        )

    def discard(
        self,
        run_id: int,
        trigger: Trigger,
        *,
        now_ms: int,
        message: str,
        done: Callable[[Answer | JournalBroken], None],
    ) -> None:
        """Remember that *trigger* was refused by its block strategy; nobody is called back."""
        times = (now_ms, None, now_ms)
        self._accept(run_id, trigger, RunState.DISCARDED, times, message, 0, done)

    def _accept(
        self,
        run_id: int,
        trigger: Trigger,
        state: RunState,
        times: tuple[int | None, ...],
        message: str,
        callback: int,
        done: Callable[[Any], None],
    ) -> None:
        identity = (run_id, trigger.cluster, trigger.log_id, trigger.triggered_ms)
        text = encode_trigger(trigger)
        revision = next(self._revisions)
        row = (*identity, state, revision, *times, text, message, callback, self._record)
        self._turn.put(Op("accepts", (row,), done))

    async def first_answer(self, trigger: Trigger) -> Answer | None:
        """What became of *trigger* when it came before; None: it is new, or nobody can tell.

        Whoever asks again for a local one has not heard of its end: it is owed again.
        """
        try:
            return await self.ask(lambda store: store.known(trigger, record=self._record))
        except JournalBroken:
            return None

    def begin(
        self, run_id: int, *, started_ms: int, restarts: int, done: Callable[[object], None]
    ) -> None:
        """The run's code starts once *done* is called; a crash after that interrupts it."""
        row = (next(self._revisions), started_ms, restarts, self._record, run_id)
        self._turn.put(Op("starts", (row,), done))

    def stopping(self, run_id: int, message: str) -> None:
        """The run was killed: if it has no end when the service dies, it ends with *message*."""
        self._turn.put(Op("stops", ((message, run_id),)))

    def finish(
        self, run_id: int, result: Result, done: Callable[[object], None] | None = None
    ) -> None:
        """The run has ended; from now on its callback is owed."""
        times = (result.started_ms, result.ended_ms)
        revision = next(self._revisions)
        row = (result.state, revision, *times, result.message, self._record, run_id)
        self._turn.put_in_time(Op("finishes", (row,), done))

    # what is owed

    async def owed_callbacks(self, cluster: str, limit: int) -> list[OwedCallback]:
        """Oldest first."""
        return await self.ask(lambda store: store.owed_callbacks(cluster, limit))

    async def owed_records(self, limit: int) -> list[Report]:
        """Oldest change first."""
        return await self.ask(lambda store: store.owed_records(limit))

    # Each returns when it is on disk, however long that takes: what is not, is owed again.

    async def taken(self, run_ids: Iterable[int]) -> None:
        """The Admin has these callbacks."""
        await self._settled("taken", [(run_id,) for run_id in run_ids])

    async def recorded(self, reports: Sequence[Report]) -> None:
        """The recorder has these reports, at the revision they have."""
        await self._settled("recorded", [(r.run_id, r.revision) for r in reports])

    async def refused(self, run_id: int, words: str) -> None:
        """The Admin will never take this callback: a dead letter."""
        await self._settled("refused", [(words, run_id)])

    async def _settled(self, part: str, rows: list[tuple[Any, ...]]) -> None:
        done: asyncio.Future[None] = self._loop.create_future()
        self._turn.put(Op(part, rows, lambda _: settle(done, None, None)))
        await done

    async def written(self) -> None:
        """Wait until all that was said and logged before is on disk, or cannot be written now."""
        self._log_turn.flush()
        await self.ask(lambda _: None)

    async def ask(self, question: Callable[[JournalStore], _T]) -> _T:
        """Put a question to the file; all that was said before is on disk by then, if it can be."""
        answer: asyncio.Future[_T] = self._loop.create_future()
        self._turn.put(Ask(question, answer))
        return await answer

    # logs

    def write_log(self, chunk: Chunk, *, last: bool = False) -> None:
        """Write *chunk* soon; any thread may call this, and the loop's alone the *last* of a run.

        The last waits for others'; one that waited could be overtaken by what follows it.
        """
        self._writer.expect(chunk)
        if last:
            self._log_turn.put_in_time(chunk)
        else:
            self._writer.put([chunk])

    def wait_for_log_room(self) -> None:
        """Block while too much text is on its way to the disk: any thread, but never the loop's."""
        if threading.get_ident() != self._home:
            self._writer.wait_for_log_room()

    async def drop_logs_before(self, day: date) -> list[date]:
        """Delete the logs of all days before *day*; the days that went."""
        self._log_turn.flush()
        return await self.ask(lambda _: self._logs.drop_before(day))
