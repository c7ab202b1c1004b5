"""Carries work between threads, what gathers meanwhile together.

Waking a thread costs a system call and a fight for the interpreter lock; under load one wake-up
does for many.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, Generic, TypeVar

_T = TypeVar("_T")


class Handover(Generic[_T]):
    """Gathers items; *deliver* gets them together, still on the loop.

    What is `put` goes at the end of the turn, and takes along what was `put_in_time`: that goes at
    once too where it is alone, but at most every *pace_s* while it keeps coming. Items stay in
    their order. Belongs to one loop: it is used there only.
    """

    __slots__ = ("_deliver", "_delivered", "_due", "_items", "_loop", "_pace_s", "_timer")

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        deliver: Callable[[list[_T]], object],
        *,
        pace_s: float,
    ) -> None:
        self._loop = loop
        self._deliver = deliver
        self._pace_s = pace_s
        self._items: list[_T] = []
        self._due = False
        self._timer: asyncio.TimerHandle | None = None
        self._delivered = 0.0

    def put(self, item: _T) -> None:
        self._items.append(item)
        if not self._due:
            self._due = True
            self._loop.call_soon(self.flush)

    def put_in_time(self, item: _T) -> None:
        self._items.append(item)
        if self._due or self._timer is not None:
            return
        at = self._delivered + self._pace_s
        if at <= self._loop.time():
            self._due = True
            self._loop.call_soon(self.flush)
        else:
            self._timer = self._loop.call_at(at, self.flush)

    def flush(self) -> None:
        """Deliver now what there is."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._due = False
        if self._items:
            items, self._items = self._items, []
            self._delivered = self._loop.time()
            self._deliver(items)


class Inbox:
    """Calls from any thread, carried out on a loop in their order."""

    __slots__ = ("_calls", "_loop", "_woken")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._calls: deque[tuple[Callable[..., object], tuple[Any, ...]]] = deque()
        self._woken = False

    def call(self, function: Callable[..., object], *args: Any) -> None:
        """Have *function* called on the loop soon. Raise RuntimeError when the loop is closed."""
        self._calls.append((function, args))
        if not self._woken:  # two threads may both see this: one of them wakes for nothing
            self._woken = True
            self._loop.call_soon_threadsafe(self._drain)

    def _drain(self) -> None:
        self._woken = False  # first: who comes after this wakes the loop again
        for _ in range(len(self._calls)):
            function, args = self._calls.popleft()
            try:
                function(*args)
            except Exception as error:  # noqa: BLE001 - one call's fault is no other's
                self._loop.call_exception_handler(
                    {"message": f"{function} failed", "exception": error}
                )
