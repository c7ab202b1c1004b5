"""The executor's durable memory: accepted runs and undelivered reports.

One writer thread owns the file. Whatever waits for it is committed together (group commit), so
a hundred triggers that arrive at once cost one transaction. All methods are called on the
control loop, but for those of the logs, which any thread may call.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import sqlite3
import threading
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import date
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple, TypeVar

import structlog

from executor.handover import Handover
from executor.journal_store import Answer, Batch, JournalStore, OwedCallback, encode_trigger
from executor.logstore import Chunk, LogWriter
from executor.model import Report, Result, RunState, Trigger

_log = structlog.get_logger(__name__)
_T = TypeVar("_T")
_MOST_PER_COMMIT = 2_000
_RETRY_S = 1.0
_PACE_S = 0.004
"""Ends of runs, for which nobody waits, are carried along by what is waited for."""
_LOG_PACE_S = 0.05
"""Logs are a file of their own, with transactions of its own."""
_FORGET_EVERY = 5_000
"""Accepted runs between two looks at what can be forgotten."""
_MOST_LOG_BYTES = 64 * 2**20
"""Log text on its way to the disk; above it, writers of logs wait."""


class JournalBroken(Exception):
    """The journal cannot be written; the message is SQLite's."""


class _Op(NamedTuple):
    """Rows for one of the batch's lists, and who wants to know that they are on disk."""

    part: str
    rows: Iterable[tuple[Any, ...]]
    done: Callable[[Any], None] | None = None


class _Ask(NamedTuple):
    """A question, answered after everything that was said before it is on disk."""

    question: Callable[[JournalStore], Any]
    answer: asyncio.Future[Any]


_Item = _Op | _Ask | Chunk | None
"""None ends the writer."""


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
        self._store = store
        self._logs = logs
        self._remember = remember
        self._record = int(records)
        self._called_back = called_back
        run_id, revision = store.next_ids()
        self._ids = itertools.count(run_id)
        self._revisions = itertools.count(revision)
        self._queue: SimpleQueue[list[_Item]] = SimpleQueue()
        self._log_bytes = 0
        self._log_room = threading.Condition()
        self._thread = threading.Thread(target=self._live, name="journal", daemon=True)
        self.died: asyncio.Future[None] | None = None
        """Once started: done, with the exception, when the writer has died of a bug."""
        self.failure = ""
        """Why the journal cannot be written at the moment; empty when it can."""

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._home = threading.get_ident()
        self.died = self._loop.create_future()
        self._turn: Handover[_Item] = Handover(self._loop, self._queue.put, pace_s=_PACE_S)
        self._log_turn: Handover[_Item] = Handover(self._loop, self._queue.put, pace_s=_LOG_PACE_S)
        self._thread.start()

    async def close(self) -> None:
        """Write what is left, then close the files."""
        self._log_turn.flush()
        self._turn.flush()
        self._queue.put([None])  # nothing can come behind it in the same list
        await asyncio.to_thread(self._thread.join)
        self._logs.close()
        self._store.close()

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
        self._turn.put(_Op("accepts", (row,), done))

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
        self._turn.put(_Op("starts", (row,), done))

    def stopping(self, run_id: int, message: str) -> None:
        """The run was killed: if it has no end when the service dies, it ends with *message*."""
        self._turn.put(_Op("stops", ((message, run_id),)))

    def finish(
        self, run_id: int, result: Result, done: Callable[[object], None] | None = None
    ) -> None:
        """The run has ended; from now on its callback is owed."""
        times = (result.started_ms, result.ended_ms)
        revision = next(self._revisions)
        row = (result.state, revision, *times, result.message, self._record, run_id)
        self._turn.put_in_time(_Op("finishes", (row,), done))

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
        self._turn.put(_Op(part, rows, lambda _: _settle(done, None, None)))
        await done

    async def written(self) -> None:
        """Wait until all that was said and logged before is on disk."""
        await self.ask(lambda _: None)

    async def ask(self, question: Callable[[JournalStore], _T]) -> _T:
        """Put a question to the file; all that was said before it is on disk by then."""
        answer: asyncio.Future[_T] = self._loop.create_future()
        self._log_turn.flush()
        self._turn.put(_Ask(question, answer))
        return await answer

    # logs

    def write_log(self, chunk: Chunk) -> None:
        """Write *chunk* soon; any thread may call this."""
        with self._log_room:
            self._log_bytes += len(chunk.text)
        if threading.get_ident() == self._home:
            self._log_turn.put_in_time(chunk)
        else:
            self._queue.put([chunk])

    def wait_for_log_room(self) -> None:
        """Block while too much text is on its way.

        A handler that logs faster than the disk takes it is slowed down, and nothing else is.
        """
        with self._log_room:
            self._log_room.wait_for(lambda: self._log_bytes < _MOST_LOG_BYTES)

    async def drop_logs_before(self, day: date) -> list[date]:
        """Delete the logs of all days before *day*; the days that went."""
        return await self.ask(lambda _: self._logs.drop_before(day))

    # the writer's thread

    def _live(self) -> None:
        try:
            self._write_until_closed()
        except BaseException as error:  # whatever it is, the service must not go on without us
            self._on_loop(_settle, self.died, None, error)
            raise

    def _write_until_closed(self) -> None:
        unwritten: list[_Op] = []
        changes, closed = 0, False
        while not closed:
            items = self._next_items(_RETRY_S if unwritten or self.failure else None)
            closed = bool(items) and items[-1] is None
            self._write_chunks([i for i in items if isinstance(i, Chunk)])
            ops = unwritten + [i for i in items if isinstance(i, _Op)]
            unwritten = self._commit(ops)
            self._answer([i for i in items if isinstance(i, _Ask)])
            changes += len(ops)
            if changes > _FORGET_EVERY and not unwritten:
                changes = 0
                self._forget()

    def _next_items(self, timeout: float | None) -> list[_Item]:
        items: list[_Item] = []
        with contextlib.suppress(Empty):
            items += self._queue.get(timeout=timeout)
            while items[-1] is not None and len(items) < _MOST_PER_COMMIT:
                items += self._queue.get_nowait()
        return items

    def _commit(self, ops: list[_Op]) -> list[_Op]:
        """Write *ops*; what could not be written and has to be, another time."""
        if not ops and not self.failure:
            return []
        try:
            answers = self._store.commit(_batch(ops)) if ops else self._probe()
        except sqlite3.Error as error:
            self.failure = str(error)
            accepts = [op for op in ops if op.part == "accepts"]
            self._tell([(op.done, JournalBroken(self.failure)) for op in accepts])
            return [op for op in ops if op.part != "accepts"]
        self.failure = ""
        following = iter(answers)
        self._tell([(op.done, next(following) if op.part == "accepts" else None) for op in ops])
        return []

    def _probe(self) -> list[Answer]:
        """See whether the file can be written again, where nobody has anything to write."""
        self._store.probe()
        return []

    def _tell(self, news: list[tuple[Callable[[Any], None] | None, Any]]) -> None:
        """Say on the control loop what is on disk now; one hop for a whole commit."""
        told = [(done, value) for done, value in news if done is not None]
        if told:
            self._on_loop(_tell_all, told)

    def _answer(self, asks: list[_Ask]) -> None:
        for ask in asks:
            try:
                value = ask.question(self._store)
            except (sqlite3.Error, OSError) as error:
                self._on_loop(_settle, ask.answer, None, JournalBroken(str(error)))
            else:
                self._on_loop(_settle, ask.answer, value, None)

    def _on_loop(self, function: Callable[..., None], *args: Any) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has gone: nobody is left to tell
            self._loop.call_soon_threadsafe(function, *args)

    def _write_chunks(self, chunks: list[Chunk]) -> None:
        if not chunks:
            return
        self._logs.append(chunks)
        with self._log_room:
            self._log_bytes -= sum(len(chunk.text) for chunk in chunks)
            self._log_room.notify_all()

    def _forget(self) -> None:
        with contextlib.suppress(sqlite3.Error):
            self._store.forget_but(self._remember)


def _batch(ops: list[_Op]) -> Batch:
    batch = Batch()
    for op in ops:
        getattr(batch, op.part).extend(op.rows)
    return batch


def _tell_all(news: list[tuple[Callable[[Any], None], Any]]) -> None:
    for done, value in news:
        try:
            done(value)
        except Exception:  # noqa: BLE001 - one run's trouble is no other's
            _log.exception("run_stumbled")


def _settle(answer: asyncio.Future[Any], value: object, error: BaseException | None) -> None:
    if answer.done():
        return
    if error is not None:
        answer.set_exception(error)
    else:
        answer.set_result(value)
