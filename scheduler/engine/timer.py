"""What is to be fired when; pure."""

from __future__ import annotations

from collections.abc import Iterable
from heapq import heappop, heappush

Timed = tuple[int, int]
"""A fire's id and its time, epoch milliseconds."""


class Timer:
    """Fires by their time, each once however often it is added."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int]] = []
        self._known: set[int] = set()

    def __len__(self) -> int:
        return len(self._known)

    def add(self, fires: Iterable[Timed]) -> None:
        for fire_id, at_ms in fires:
            if fire_id not in self._known:
                self._known.add(fire_id)
                heappush(self._heap, (at_ms, fire_id))

    def next_ms(self) -> int | None:
        """When the next one is due; None: there is none."""
        return self._heap[0][0] if self._heap else None

    def pop_due(self, now_ms: int, most: int) -> list[int]:
        """Give the ids of those that are due, in their order."""
        due: list[int] = []
        while self._heap and self._heap[0][0] <= now_ms and len(due) < most:
            due.append(heappop(self._heap)[1])
        self._known.difference_update(due)
        return due
