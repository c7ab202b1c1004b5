"""Notices that a handler blocks the handlers' loop, and says which, where and for how long."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from executor.workers import whereabouts

if TYPE_CHECKING:
    from collections.abc import Callable

    from executor.workers.loop import AsyncRun, AsyncWorker


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """The handlers' loop did not turn."""

    handler: str
    """Empty when no handler's own code holds the loop."""
    log_id: int
    where: str
    seconds: float
    """Up to now."""
    over: bool


class Watchdog:
    """Asks the handlers' loop for an answer; *on_block* hears of each block twice: begin, end.

    It also counts them, for whoever watches the service.
    """

    def __init__(
        self,
        worker: AsyncWorker,
        *,
        on_block: Callable[[Block], None],
        threshold_s: float = 1.0,
    ) -> None:
        self._worker = worker
        self._on_block = on_block
        self._threshold_s = threshold_s
        self.blocks = 0
        """That have begun since the start."""
        self.blocked_s = 0.0
        """How long those that are over have lasted together, seconds."""

    async def run(self) -> None:
        """Watch until cancelled; on the control loop."""
        while True:
            await self._ask()
            await asyncio.sleep(self._threshold_s / 4)

    async def _ask(self) -> None:
        """Wait for the loop's answer, and tell if it comes late."""
        control, answered = asyncio.get_running_loop(), asyncio.Event()
        asked = time.monotonic()
        self._worker.thread.call(_answer, control, answered)
        try:
            async with asyncio.timeout(self._threshold_s):
                await answered.wait()
        except TimeoutError:
            self.blocks += 1
            run = self._worker.running()
            where = whereabouts.of_thread(self._worker.thread.ident)
            self._tell(run, where, seconds=time.monotonic() - asked)
            await answered.wait()
            lasted_s = time.monotonic() - asked
            self.blocked_s += lasted_s
            self._tell(run, where, seconds=lasted_s, over=True)

    def _tell(
        self, run: AsyncRun | None, where: str, *, seconds: float, over: bool = False
    ) -> None:
        if run:
            run.context.log.warning(
                "handler loop was blocked for %.1f s at %s"
                if over
                else "handler loop blocked for %.1f s now at %s; other async handlers wait:"
                " await what takes long, or use isolation='thread'",
                seconds,
                where,
            )
        block = Block(
            handler=run.context.handler if run else "",
            log_id=run.context.log_id if run else 0,
            where=where,
            seconds=seconds,
            over=over,
        )
        self._on_block(block)


def _answer(control: asyncio.AbstractEventLoop, answered: asyncio.Event) -> None:
    with suppress(RuntimeError):  # the service has ended: nobody waits
        control.call_soon_threadsafe(answered.set)
