"""How many messages are sent at once: by all channels together, and by each."""

from __future__ import annotations

from collections import Counter


class Places:
    """A pool in which each channel has one place of its own.

    So a gateway that hangs, and others that do, hold up nobody but those who wait for them.
    """

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._busy: Counter[str] = Counter()

    @property
    def taken(self) -> int:
        return self._busy.total()

    def full(self) -> list[str]:
        """The channels by which no other message may be sent now."""
        crowded = self.taken >= self._workers
        most = 1 if crowded else max(1, self._workers // 2)
        return [channel for channel, taken in self._busy.items() if taken >= most]

    def enter(self, channel: str) -> None:
        self._busy[channel] += 1

    def leave(self, channel: str) -> None:
        self._busy[channel] -= 1
        if not self._busy[channel]:
            del self._busy[channel]
