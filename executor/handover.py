"""Carries items from an event loop to another thread: those of one turn of the loop together.

Waking a thread costs a system call and a fight for the interpreter lock; under load one
hand-over carries what a whole turn has gathered.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

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
