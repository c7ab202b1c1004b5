"""What is to be fired when; pure."""

from __future__ import annotations

from collections.abc import Iterable
from heapq import heappop, heappush

Timed = tuple[int, int]
"""A fire's id and its time, epoch milliseconds."""


class Timer:
    """Fires by their time, each once however often it is added."""

    def __init__(self) -> None:
        self._times: list[int] = []
        """A heap; what is due in the same millisecond shares an entry."""
        self._due: dict[int, list[int]] = {}
        self._known: set[int] = set()

    def __len__(self) -> int:
        return len(self._known)

    def add(self, fires: Iterable[Timed]) -> None:
        for fire_id, at_ms in fires:
            if fire_id in self._known:
                continue
            self._known.add(fire_id)
            if at_ms in self._due:
                self._due[at_ms].append(fire_id)
            else:
                self._due[at_ms] = [fire_id]
                heappush(self._times, at_ms)

    def next_ms(self) -> int | None:
        """When the next one is due; None: there is none."""
        return self._times[0] if self._times else None

    def pop_due(self, now_ms: int, most: int) -> list[int]:
        """Give the ids of those that are due, in their order."""
        due: list[int] = []
        while self._times and self._times[0] <= now_ms and len(due) < most:
            at_once = self._due[self._times[0]]
            room = most - len(due)
            due += at_once[:room]
            if len(at_once) > room:
                del at_once[:room]
            else:
                del self._due[heappop(self._times)]
        self._known.difference_update(due)
        return due
