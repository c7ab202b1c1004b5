"""Asks an Admin one thing after the other, and leaves it time for others."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

from admin_bridge.console import Console
from scheduler.mirror.timing import Timing

_SHARE = 0.5
"""So much of an Admin's time is taken at most while there is something to copy."""

_Answer = TypeVar("_Answer")


class Pace:
    """Bounds the load on one console, to *per_second* requests at most.

    Only the time until an answer is there is the Admin's; what we make of it is ours, and rest.
    """

    def __init__(self, console: Console, timing: Timing, *, per_second: float) -> None:
        self._console = console
        self._timing = timing
        self._least_s = 1 / per_second
        self._not_before = 0.0
        self.requests = 0
        """That were made so far."""
        self.slowest_s = 0.0
        """The longest of them."""

    async def ask(self, call: Awaitable[_Answer]) -> _Answer:
        """The answer to *call*, which is not made sooner than the pace allows."""
        pause_s = self._not_before - self._timing.elapsed()
        if pause_s > 0:
            await self._timing.sleep(pause_s)
        began, before_s = self._timing.elapsed(), self._console.waited_s
        self.requests += 1
        try:
            return await call
        finally:
            took_s = self._console.waited_s - before_s
            self.slowest_s = max(self.slowest_s, took_s)
            self._not_before = began + max(took_s / _SHARE, self._least_s)
