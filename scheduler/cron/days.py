"""Which days of a month a rule means, for every shape that a month can have.

A month's days fall as they do for two reasons only: its length (28 to 31) and the weekday of its
first day. So a rule's days are 28 bit masks (bit d: day d), worked out once when it is read, and
finding a day is a shift. Weekdays count from 0, Sunday.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date
from operator import and_, or_
from typing import NamedTuple

FIRST_YEAR = 1970
LAST_YEAR = 2126
"""The reference fixes it when it is loaded, as the current year + 100: 2126 at the time of writing.
Here it is a constant: what a rule answers must not hang on when a process was started."""

Days = tuple[int, ...]
"""A mask of days for each of `_SHAPES`."""

_SUNDAY, _SATURDAY = 0, 6
_WEEKLY = sum(1 << week * 7 for week in range(5))


class _Month(NamedTuple):
    length: int
    first: int
    """The weekday of its first day."""

    def day(self, day: int) -> int:
        """The mask of that day; empty when the month has none."""
        return 1 << day if 1 <= day <= self.length else 0

    def days(self) -> int:
        """The mask of all its days."""
        return (2 << self.length) - 2

    def first_on(self, weekday: int) -> int:
        """The first day on that *weekday*."""
        return (weekday - self.first) % 7 + 1

    def nearest_weekday(self, day: int) -> int:
        """The mask of the day Monday to Friday that is nearest to *day* without leaving the month."""
        weekday = (self.first + day - 1) % 7
        if not self.day(day):
            return 0
        if weekday == _SATURDAY:
            day += 2 if day == 1 else -1
        elif weekday == _SUNDAY:
            day += -2 if day == self.length else 1
        return 1 << day


_SHAPES = [_Month(length, first) for length in range(28, 32) for first in range(7)]


def _shape(year: int, month: int) -> int:
    first = date(year, month, 1)
    length = (date(year + month // 12, month % 12 + 1, 1) - first).days
    return _SHAPES.index(_Month(length, first.isoweekday() % 7))


SHAPE_OF = bytes(
    _shape(year, month) for year in range(FIRST_YEAR, LAST_YEAR + 1) for month in range(1, 13)
)
"""Index into `Days` of every month, counted from January of `FIRST_YEAR`."""


def numbered(days: Iterable[int]) -> Days:
    """These days of the month, where it has them."""
    wanted = sum(1 << day for day in set(days))
    return _in_each(lambda month: wanted & month.days())


def last(offset: int = 0) -> Days:
    """The day *offset* days before the month's last."""
    return _in_each(lambda month: month.day(month.length - offset))


def nearest_weekday(day: int) -> Days:
    """The weekday nearest to *day*, in months that have that day."""
    return _in_each(lambda month: month.nearest_weekday(day))


def nearest_weekday_to_last(offset: int = 0) -> Days:
    """The weekday nearest to the day *offset* days before the month's last."""
    return _in_each(lambda month: month.nearest_weekday(month.length - offset))


def weekdays(which: Iterable[int]) -> Days:
    """Every day on these weekdays."""
    chosen = set(which)
    return _in_each(
        lambda month: month.days() & sum(_WEEKLY << month.first_on(day) for day in chosen)
    )


def nth_weekday(weekday: int, nth: int) -> Days:
    """The *nth* (from 1) such weekday, in months that have it."""
    return _in_each(lambda month: month.day(month.first_on(weekday) + 7 * (nth - 1)))


def last_weekday(weekday: int) -> Days:
    """The last such weekday: the one within a week of the month's end."""
    last_week = _in_each(lambda month: month.days() & ~(month.days() >> 7))
    return tuple(map(and_, weekdays([weekday]), last_week))


def either(one: Days, other: Days) -> Days:
    return tuple(map(or_, one, other))


def _in_each(pick: Callable[[_Month], int]) -> Days:
    return tuple(map(pick, _SHAPES))
