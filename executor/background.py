"""Loops beside the runs: watched, and ended together."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import Any

_IN_HURRY_S = 1.0
"""Who is there takes a few milliseconds."""


class Background:
    """Runs loops until they are cancelled; the service must not go on without one that died."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done, with the exception, when a loop has died: the service must end."""

    def watch(self, loop: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(loop)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(failing(self.failed))
        return task

    async def cancel(self) -> None:
        """End all loops."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def failing(failed: asyncio.Future[None]) -> Callable[[asyncio.Future[None]], None]:
    """What is to be called when a task or a future is done: where it has failed, so has *failed*."""

    def note(done: asyncio.Future[None]) -> None:
        if not done.cancelled() and (error := done.exception()) and not failed.done():
            failed.set_exception(error)

    return note


async def finish(work: Coroutine[Any, Any, None], hurry: asyncio.Event) -> bool:
    """Do *work*, for a moment only once *hurry* is set; False: it was cut short."""
    working = asyncio.create_task(work)
    hurried = asyncio.create_task(hurry.wait())
    await asyncio.wait({working, hurried}, return_when=asyncio.FIRST_COMPLETED)
    hurried.cancel()
    await asyncio.wait({working}, timeout=_IN_HURRY_S)
    return not working.cancel()


async def wait_for(event: asyncio.Event, limit_s: float) -> None:
    """Wait for *event*, at most *limit_s*."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(limit_s):
            await event.wait()
