"""An event loop in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any, TypeVar

import structlog
import uvloop

from executor.aside import stand_aside
from executor.handover import Inbox

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

_log = structlog.get_logger(__name__)

Value = TypeVar("Value")

_LEAVE_S = 2.0
"""How long `close` waits for code that blocks the loop, seconds."""


class LoopThread:
    """Runs a loop until it is closed, whatever the code on it raises."""

    def __init__(self, name: str) -> None:
        self.loop = uvloop.new_event_loop()
        self._inbox = Inbox(self.loop)
        self._serving = threading.Thread(target=self._serve, name=name, daemon=True)
        self._closing = False

    def open(self) -> None:
        self._serving.start()

    @property
    def ident(self) -> int:
        """The thread's number."""
        return self._serving.ident or 0

    def call(self, function: Callable[..., object], *args: Any) -> None:
        """Have *function* called on the loop soon, in the order of these calls."""
        self._inbox.call(function, *args)

    async def run(self, work: Coroutine[Any, Any, Value]) -> Value:
        """Run *work* on the loop and wait for it on the caller's."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self.loop))

    async def close(self) -> None:
        """End the loop and its thread; code that blocks it is left behind."""
        self.call(self._leave)
        await asyncio.to_thread(self._serving.join, _LEAVE_S)

    def _leave(self) -> None:
        self._closing = True
        self.loop.stop()

    def _serve(self) -> None:
        stand_aside()
        while not self._closing:
            try:
                self.loop.run_forever()
            except (SystemExit, KeyboardInterrupt):
                # Of a task that a handler has made beside its own; it must not end the others.
                _log.exception("handler_loop_exit_ignored")
        self._cancel_all()
        self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        self.loop.close()

    def _cancel_all(self) -> None:
        tasks = asyncio.all_tasks(self.loop)
        for task in tasks:
            task.cancel()
        if tasks:
            self.loop.run_until_complete(asyncio.wait(tasks, timeout=_LEAVE_S / 2))
