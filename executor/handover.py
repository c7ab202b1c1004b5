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
    """Gathers what *put* is given; *deliver* gets it at the end of the turn, still on the loop.

    Belongs to one loop: *put* is called there only.
    """

    __slots__ = ("_deliver", "_items", "_loop")

    def __init__(
        self, loop: asyncio.AbstractEventLoop, deliver: Callable[[list[_T]], object]
    ) -> None:
        self._loop = loop
        self._deliver = deliver
        self._items: list[_T] = []

    def put(self, item: _T) -> None:
        self._items.append(item)
        if len(self._items) == 1:
            self._loop.call_soon(self.flush)

    def flush(self) -> None:
        """Deliver now what there is."""
        if self._items:
            items, self._items = self._items, []
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
            self._loop.call_soon(function, *args)
