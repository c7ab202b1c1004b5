"""The journal's thread: it owns the file and the logs, and writes what it is handed together."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterable
from queue import Empty, SimpleQueue
from typing import Any

import structlog

from executor import sqlite
from executor.aside import stand_aside
from executor.journal_store import Answer, Batch, JournalStore
from executor.logstore import Chunk, LogWriter

_log = structlog.get_logger(__name__)
_MOST_PER_COMMIT = 2_000
_RETRY_S = 1.0
_FORGET_EVERY = 5_000
"""Changes between two looks at what can be forgotten."""
_MOST_LOG_BYTES = 64 * 2**20
"""Log text on its way to the disk; above it, writers of logs wait."""


class JournalBroken(Exception):
    """The journal cannot be written; the message is SQLite's."""


class Op:
    """Rows for one of the batch's lists, and who wants to know that they are on disk."""

    __slots__ = ("done", "part", "rows")

    def __init__(
        self,
        part: str,
        rows: Iterable[tuple[Any, ...]],
        done: Callable[[Any], None] | None = None,
    ) -> None:
        self.part = part
        self.rows = rows
        self.done = done


class Ask:
    """A question, answered after everything that was said before it is on disk."""

    __slots__ = ("answer", "question")

    def __init__(
        self, question: Callable[[JournalStore], Any], answer: asyncio.Future[Any]
    ) -> None:
        self.question = question
        self.answer = answer


Item = Op | Ask | Chunk


class JournalWriter:
    """Commits what gathers, and says so on the loop that it was started on.

    About *remember* settled runs are kept.
    """

    def __init__(self, store: JournalStore, logs: LogWriter, *, remember: int) -> None:
        self._store = store
        self._logs = logs
        self._remember = remember
        self._queue: SimpleQueue[list[Item] | None] = SimpleQueue()
        self._log_bytes = 0
        self._log_count = threading.Lock()
        self._log_room = threading.Condition(self._log_count)
        self._writing = threading.Thread(target=self._live, name="journal", daemon=True)
        self.failure = ""
        """Why the journal cannot be written at the moment; empty when it can."""

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.died: asyncio.Future[None] = self._loop.create_future()
        """Done, with the exception, when the writer has died of a bug."""
        self._writing.start()

    async def close(self) -> None:
        """Write what is left, then close the files."""
        self._queue.put(None)
        await asyncio.to_thread(self._writing.join)
        self._logs.close()
        self._store.close()

    def put(self, items: list[Item]) -> None:
        """Write *items* soon; any thread may call this."""
        self._queue.put(items)

    def expect(self, chunk: Chunk) -> None:
        """Count *chunk* as on its way; any thread may call this."""
        with self._log_count:  # not the condition, whose door is slow and stands in every run's way
            self._log_bytes += len(chunk.text)

    def wait_for_log_room(self) -> None:
        """Block while too much text is on its way.

        A handler that logs faster than the disk takes it is slowed down, and nothing else is.
        """
        with self._log_room:
            self._log_room.wait_for(lambda: self._log_bytes < _MOST_LOG_BYTES)

    def _live(self) -> None:
        stand_aside()
        try:
            self._write_until_closed()
        except BaseException as error:  # whatever it is, the service must not go on without us
            self._on_loop(settle, self.died, None, error)
            raise

    def _write_until_closed(self) -> None:
        unwritten: list[Op] = []
        changes, closed = 0, False
        while not closed:
            items, closed = self._next_items(_RETRY_S if unwritten or self.failure else None)
            self._write_chunks([i for i in items if isinstance(i, Chunk)])
            ops = unwritten + [i for i in items if isinstance(i, Op)]
            unwritten = self._commit(ops)
            self._answer([i for i in items if isinstance(i, Ask)])
            changes += len(ops)
            if changes > _FORGET_EVERY and not unwritten:
                changes = 0
                self._forget()
        if unwritten:
            _log.error("journal_left_unwritten", changes=len(unwritten), reason=self.failure)

    def _next_items(self, timeout: float | None) -> tuple[list[Item], bool]:
        """What has gathered, or comes first within *timeout* seconds; whether it is the last."""
        items: list[Item] = []
        with contextlib.suppress(Empty):
            more = self._queue.get(timeout=timeout)
            while more is not None:
                items += more
                if len(items) >= _MOST_PER_COMMIT:
                    return items, False
                more = self._queue.get_nowait()
            return items, True
        return items, False

    def _commit(self, ops: list[Op]) -> list[Op]:
        """Write *ops*; what could not be written and has to be, another time."""
        if not ops and not self.failure:
            return []
        try:
            answers = self._store.commit(_batch(ops)) if ops else self._probe()
        except sqlite.FAULTS as error:
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

    def _answer(self, asks: list[Ask]) -> None:
        for ask in asks:
            try:
                value = ask.question(self._store)
            except (*sqlite.FAULTS, OSError) as error:
                self._on_loop(settle, ask.answer, None, JournalBroken(str(error)))
            else:
                self._on_loop(settle, ask.answer, value, None)

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
        with contextlib.suppress(*sqlite.FAULTS):
            self._store.forget_but(self._remember)


def _batch(ops: list[Op]) -> Batch:
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


def settle(answer: asyncio.Future[Any], value: object, error: BaseException | None) -> None:
    """Give *answer* its value or its error, unless nobody waits for it any more."""
    if answer.done():
        return
    if error is not None:
        answer.set_exception(error)
    else:
        answer.set_result(value)
