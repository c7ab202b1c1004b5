"""Plain functions, each run in a thread taken from a pool that grows as needed."""

from __future__ import annotations

import asyncio
import ctypes
import inspect
import queue
import threading
from contextvars import Context
from typing import TYPE_CHECKING, Any, NoReturn

from executor.context import JobContext, current
from executor.model import Isolation
from executor.raised import RunStopped
from executor.workers import whereabouts
from executor.workers.ending import raised, returned, stopped
from executor.workers.hooks import Hooks
from executor.workers.loop_thread import LoopThread

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from executor.context import Progress
    from executor.handler_table import HandlerTable
    from executor.worker import Assignment, Ending, LogSink

_IDLE_S = 60.0
"""A thread that has had nothing to do for this long ends."""
_COURTESY_S = 0.25
"""How long code that looks at `ctx.cancelled` has before it is interrupted."""
_REPEAT_S = 0.05
"""How often the interruption is repeated: some code catches it."""
_RETRY_S = 0.002
"""How soon it is tried again when the code was just writing its log."""
_DESTROY_S = 10.0
"""For all hooks: they may flush and disconnect, but not keep the service from its end."""


class ThreadWorker:
    """Runs plain functions; how many at once is the caller's concern."""

    def __init__(self, table: HandlerTable, *, idle_s: float = _IDLE_S) -> None:
        self._hooks = Hooks(table.of(Isolation.THREAD), _in_a_thread)
        self._idle_s = idle_s
        self._waiting: queue.SimpleQueue[ThreadRun | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._idle = 0
        """Threads that wait for a run and have not been promised one."""
        self._closed = False

    async def open(self) -> None:
        await self._hooks.init()

    def start(self, assignment: Assignment, ended: Callable[[Ending], None]) -> ThreadRun:
        run = ThreadRun(assignment, ended)
        if self._take_idle():
            self._waiting.put(run)
        else:
            threading.Thread(
                target=self._serve, args=(run,), name="handler-thread", daemon=True
            ).start()
        return run

    async def close(self) -> None:
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, 0
        for _ in range(idle):
            self._waiting.put(None)
        await self._hooks.destroy(_DESTROY_S)

    def _take_idle(self) -> bool:
        with self._lock:
            self._idle -= (free := self._idle > 0)
            return free

    def _serve(self, run: ThreadRun | None) -> None:
        while run is not None:
            run.execute()
            # A thread that was interrupted is not used again: nothing late can hit another run.
            run = None if run.stopping else self._next()

    def _next(self) -> ThreadRun | None:
        with self._lock:
            if self._closed:
                return None
            self._idle += 1
        try:
            return self._waiting.get(timeout=self._idle_s)
        except queue.Empty:
            # Either we leave, or somebody has been promised to us meanwhile.
            return None if self._take_idle() else self._waiting.get()


class ThreadRun:
    """One run in a thread.

    An interruption may be raised between any two steps of the thread's code, so where it may be
    is fenced: `_ident` is the thread's number while the handler's code runs, None before and 0
    after, and both raising and the writing of log lines hold `_fence`.
    """

    __slots__ = ("_assignment", "_ended", "_fence", "_ident", "context", "stopping")

    def __init__(self, assignment: Assignment, ended: Callable[[Ending], None]) -> None:
        self._assignment = assignment
        self._ended = ended
        self._fence = threading.RLock()
        self._ident: int | None = None
        self.context = JobContext.of(assignment, _FencedSink(assignment.log, self._fence))
        self.stopping = False

    @property
    def progress(self) -> Progress | None:
        return self.context.latest_progress

    def execute(self) -> None:
        """Run the code and report how it ended; called once, in the thread that runs it."""
        try:
            ending = Context().run(self._perform)  # the thread has none of another run's variables
        except RunStopped:
            # The first step after it: from here on nobody begins to raise another.
            self._ident = 0
            ending = stopped()
        try:
            self._ident = 0
            with self._fence:  # one that was being raised has been raised
                if self.stopping:
                    _take_last_interruption()
        except RunStopped:
            pass  # it was the last
        self.context.log.flush()
        self._ended(ending)

    def _perform(self) -> Ending:
        current.set(self.context)
        try:
            self._ident = threading.get_ident()
            return returned(self._call())
        except RunStopped:
            raise
        except BaseException as error:  # noqa: BLE001 - SystemExit ends a run, not the thread
            return raised(error, self.context.log)

    def _call(self) -> object:
        handler = self._assignment.handler
        assert handler is not None, "scripts have a worker of their own"
        given = handler.function(*handler.arguments(self.context))
        if inspect.iscoroutine(given):  # nothing of it has run, which must not pass for success
            given.close()
            raise TypeError(
                "the handler gave a coroutine: what wraps an async def must be an async def itself"
            )
        return given

    def stop(self) -> None:
        if self.stopping:
            return
        self.stopping = True
        self.context.cancel()
        asyncio.get_running_loop().call_later(_COURTESY_S, self._interrupt_until_ended)

    def _interrupt_until_ended(self) -> None:
        if self._ident != 0:
            delay_s = _REPEAT_S if self._interrupt_now() else _RETRY_S
            asyncio.get_running_loop().call_later(delay_s, self._interrupt_until_ended)

    def _interrupt_now(self) -> bool:
        """Interrupt the code, if it still runs; False when it is just writing its log."""
        if not self._fence.acquire(blocking=False):
            return False
        try:
            if self._ident:
                _interrupt(self._ident, RunStopped)
        finally:
            self._fence.release()
        return True

    def whereabouts(self) -> str:
        ident = self._ident
        return whereabouts.of_thread(ident) if ident else ""


class _FencedSink:
    """A log that is never interrupted in the middle of a line."""

    __slots__ = ("_fence", "_sink")

    def __init__(self, sink: LogSink, fence: threading.RLock) -> None:
        self._sink = sink
        self._fence = fence

    def write(self, text: str, level: str = "INFO") -> None:
        with self._fence:
            self._sink.write(text, level)

    def write_raw(self, text: str) -> None:
        with self._fence:
            self._sink.write_raw(text)


async def _in_a_thread(hooks: Coroutine[Any, Any, None]) -> None:
    """Call *hooks* in a thread that keeps no process from its exit, as one of asyncio's would."""
    thread = LoopThread("handler-hooks")
    thread.open()
    try:
        await thread.run(hooks)
    finally:
        await thread.close()


def _interrupt(ident: int, error: type[BaseException]) -> None:
    """Have *error* raised in thread *ident* at its next step."""
    raise_in = ctypes.pythonapi.PyThreadState_SetAsyncExc
    raise_in(ctypes.c_ulong(ident), ctypes.py_object(error))


def _take_last_interruption() -> NoReturn:
    """Raise RunStopped here and now, in place of one that may be pending.

    Taking it back (by NULL) would leave CPython's evaluation loop on its slow path for good: the
    mark "somebody has one pending" goes only when one is raised. And with a trace function set,
    3.11 then hangs.
    """
    _interrupt(threading.get_ident(), RunStopped)
    while True:
        pass
