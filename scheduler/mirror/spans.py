"""Which stretch of an Admin's log is read next, so that it takes few pages: pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

SHORTEST = timedelta(seconds=1)
"""Times in the log are whole seconds."""
_MOST_GROWTH = 4.0
_LONGEST = timedelta(days=3650)


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time, both ends of it included."""

    since: datetime
    until: datetime

    @property
    def length(self) -> timedelta:
        return self.until - self.since

    @property
    def is_shortest(self) -> bool:
        return self.length <= SHORTEST


def cut(start: datetime, end: datetime, length: timedelta) -> Span:
    """The first *length* of what lies between."""
    return Span(start, min(end, start + max(SHORTEST, length)))


def fitting(length: timedelta, rows: int, *, wanted: int) -> timedelta:
    """How long a span should be to have *wanted* rows, when one of *length* had *rows*."""
    factor = min(_MOST_GROWTH, wanted / rows) if rows else _MOST_GROWTH
    seconds = min(length.total_seconds() * factor, _LONGEST.total_seconds())
    return max(SHORTEST, timedelta(seconds=int(seconds)))
