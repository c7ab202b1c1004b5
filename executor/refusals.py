"""What one Admin refuses while it takes other results: when to try again, and when to give up.

A refusal by itself proves nothing: behind a balancer, or in a rolling upgrade, the next call
reaches another Admin. Kept in memory: after a restart what is refused only waits longer.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum, auto

PAUSES_MS = tuple(60_000 * 2**n for n in range(5))
"""Between the times that a result is refused alone: 1, 2, 4, 8 and 16 minutes."""
GIVE_UP_MS = 24 * 3600 * 1000
"""A result that has been refused for this long is given up, whatever became of others."""
MOST_ASIDE = 1_000
"""When more than these are refused, the Admin is at fault."""


class Verdict(Enum):
    """What a refusal means for a result."""

    AGAIN = auto()
    """The Admin may be at fault: it is tried again with all that follows."""
    ASIDE = auto()
    """It waits by itself, and the others go on."""
    DEAD = auto()
    """It will never be taken."""


@dataclass(frozen=True, slots=True)
class _Refused:
    first_ms: int
    last_ms: int
    next_ms: int = 0
    times: int = 0
    """While others passed; 0: it is not set aside."""


class Refusals:
    """The results that are refused now, by run id."""

    def __init__(self) -> None:
        self._refused: dict[int, _Refused] = {}
        self._passed_ms = -1

    def __len__(self) -> int:
        return len(self._refused)

    def is_aside(self, run_id: int, now_ms: int) -> bool:
        """Whether this result is not to be tried yet."""
        known = self._refused.get(run_id)
        return known is not None and now_ms < known.next_ms

    def last_ms(self, run_id: int) -> int:
        """When this result was refused last; -1: never, as far as is known."""
        known = self._refused.get(run_id)
        return -1 if known is None else known.last_ms

    def passed(self, run_ids: Iterable[int], now_ms: int) -> None:
        """Note that these were taken."""
        self._passed_ms = now_ms
        for run_id in run_ids:
            self._refused.pop(run_id, None)

    def keep(self, owed: Iterable[int]) -> None:
        """Forget all that is not *owed* any more."""
        self._refused = {i: self._refused[i] for i in owed if i in self._refused}

    def refused(self, run_id: int, now_ms: int) -> Verdict:
        """Note that this one was refused by itself; what to do.

        *now_ms* is the time of the delivery, and those that passed in it have been told.
        """
        before = self._refused.get(run_id) or _Refused(now_ms, now_ms)
        others_pass = self._passed_ms == now_ms or self._passed_ms > before.last_ms
        now = replace(before, last_ms=now_ms, times=before.times + others_pass)
        if now.times > len(PAUSES_MS) or now_ms - now.first_ms >= GIVE_UP_MS:
            self._refused.pop(run_id, None)
            return Verdict.DEAD
        if not now.times or (not before.times and self._aside() >= MOST_ASIDE):
            self._refused[run_id] = replace(now, times=0)
            return Verdict.AGAIN
        self._refused[run_id] = replace(now, next_ms=now_ms + PAUSES_MS[now.times - 1])
        return Verdict.ASIDE

    def _aside(self) -> int:
        return sum(1 for one in self._refused.values() if one.times)
