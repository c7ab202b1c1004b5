"""Async handlers, all on one event loop, in a thread beside the service's own."""

from __future__ import annotations

import asyncio
from contextvars import Context
from typing import TYPE_CHECKING, Any

from executor.context import JobContext, current
from executor.model import Isolation
from executor.worker import Ending, EndingKind
from executor.workers import whereabouts
from executor.workers.ending import raised, returned, stopped
from executor.workers.hooks import Hooks
from executor.workers.loop_thread import LoopThread
from executor.workers.performing import perform

if TYPE_CHECKING:
    from collections.abc import Callable

    from executor.context import Progress
    from executor.handler_table import HandlerTable
    from executor.worker import Assignment

    Ended = Callable[[Ending], None]

_DESTROY_S = 1.0
"""For all hooks: a loop that a handler blocks cannot call one, and is not waited for."""


class AsyncWorker:
    """Runs coroutine functions; one that blocks delays the others, never the service."""

    def __init__(self, table: HandlerTable) -> None:
        self.thread = LoopThread("async-handlers")
        self._hooks = Hooks(table.of(Isolation.ASYNC), self.thread.run)
        self._runs: dict[asyncio.Task[object], AsyncRun] = {}

    async def open(self) -> None:
        self.thread.open()
        await self._hooks.init()

    def start(self, assignment: Assignment, ended: Ended) -> AsyncRun:
        run = AsyncRun(assignment, ended, self)
        self.thread.call(run.begin)
        return run

    async def close(self) -> None:
        await self._hooks.destroy(_DESTROY_S)
        await self.thread.close()

    def running(self) -> AsyncRun | None:
        """The run whose code holds the loop at this moment; may be asked from any thread."""
        task = asyncio.current_task(self.thread.loop)
        return self._runs.get(task) if task else None

    def begun(self, run: AsyncRun, task: asyncio.Task[object]) -> None:
        self._runs[task] = run
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[object]) -> None:
        self._runs.pop(task).finish(task)


class AsyncRun:
    """One run on the handlers' loop."""

    __slots__ = ("_assignment", "_ended", "_stopping", "_task", "_worker", "context")

    def __init__(self, assignment: Assignment, ended: Ended, worker: AsyncWorker) -> None:
        self.context = JobContext.of(assignment)
        self._assignment = assignment
        self._ended = ended
        self._worker = worker
        self._task: asyncio.Task[object] | None = None
        self._stopping = False

    @property
    def progress(self) -> Progress | None:
        return self.context.latest_progress

    def begin(self) -> None:
        """Make the run's task; called on the handlers' loop, before any `_cancel`."""
        handler = self._assignment.handler
        assert handler is not None, "scripts have a worker of their own"
        context = Context()
        context.run(current.set, self.context)
        work = perform(handler, self.context)
        self._task = self._worker.thread.loop.create_task(work, context=context)
        self._worker.begun(self, self._task)

    def finish(self, task: asyncio.Task[object]) -> None:
        """Report how *task* ended.

        It is read from the finished task: the body of one that was cancelled before its first
        step has never run, so nothing inside could have told.
        """
        self.context.log.flush()
        self._ended(self._ending(task))

    def _ending(self, task: asyncio.Task[object]) -> Ending:
        if task.cancelled():
            if self._stopping:
                return stopped()
            return Ending(EndingKind.RAISED, "CancelledError: the handler cancelled itself")
        error = task.exception()
        return raised(error, self.context.log) if error else returned(task.result())

    def stop(self) -> None:
        self.context.cancel()
        self._worker.thread.call(self._cancel)

    def _cancel(self) -> None:
        if self._task and not self._task.done():
            self._stopping = True
            self._task.cancel()

    def whereabouts(self) -> str:
        if self._worker.running() is self:
            return whereabouts.of_thread(self._worker.thread.ident)
        task = self._task
        coroutine: Any = task.get_coro() if task else None
        return whereabouts.of_coroutine(coroutine) if coroutine else ""
