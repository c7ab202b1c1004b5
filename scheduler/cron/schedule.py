"""Walks the wall clock, naive and without zones, from reading to reading."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from scheduler.cron.days import FIRST_YEAR, LAST_YEAR, SHAPE_OF, Days

Reading = tuple[int, int, int, int, int, int]
"""A clock's reading: year, month, day, hour, minute, second."""

_YEARS = LAST_YEAR - FIRST_YEAR + 1


@dataclass(frozen=True, slots=True)
class Schedule:
    """The readings at which a rule is due.

    Each field but the days is a table: at index v stands the first due value from v on, and the
    field's size where none is left, so that a carry is one more step in the next table.
    """

    seconds: bytes
    minutes: bytes
    hours: bytes
    days: Days
    months: bytes
    """January is 0, here and below."""
    years: bytes
    """`FIRST_YEAR` is 0, here and below."""

    @classmethod
    def of(
        cls,
        *,
        seconds: Collection[int],
        minutes: Collection[int],
        hours: Collection[int],
        days: Days,
        months: Collection[int],
        years: Collection[int],
    ) -> Schedule:
        """From the due values, as people count them."""
        return cls(
            _table(60, seconds),
            _table(60, minutes),
            _table(24, hours),
            days,
            _table(12, [month - 1 for month in months]),
            _table(_YEARS, [year - FIRST_YEAR for year in years]),
        )

    def from_reading(self, reading: Reading) -> Reading | None:
        """The first due reading at or after *reading*; None when there is none up to `LAST_YEAR`."""
        year, month, day, hour, minute, second = reading
        today = year - FIRST_YEAR, month - 1, day
        due = self._day(*today)
        if due == today:
            if (time := self._time(hour, minute, second)) is not None:
                return (year, month, day, *time)
            due = self._day(*today[:2], day + 1)
        if due is None:
            return None
        time = self.hours[0], self.minutes[0], self.seconds[0]
        return (due[0] + FIRST_YEAR, due[1] + 1, due[2], *time)

    def _time(self, hour: int, minute: int, second: int) -> tuple[int, int, int] | None:
        due_second = self.seconds[second]
        due_minute = self.minutes[minute + (due_second == 60)]
        if due_minute != minute:
            due_second = self.seconds[0]
        due_hour = self.hours[hour + (due_minute == 60)]
        if due_hour == 24:
            return None
        if due_hour != hour:
            due_minute, due_second = self.minutes[0], self.seconds[0]
        return due_hour, due_minute, due_second

    def _day(self, year: int, month: int, day: int) -> tuple[int, int, int] | None:
        """Looks at each month of each due year at most once: under 2,000 looks, whatever the rule."""
        while (due_year := self.years[year]) < _YEARS:
            if due_year != year:
                year, month, day = due_year, 0, 1
            while (due_month := self.months[month]) < 12:
                if due_month != month:
                    month, day = due_month, 1
                if left := self.days[SHAPE_OF[year * 12 + month]] >> day:
                    return year, month, day + (left & -left).bit_length() - 1
                month, day = month + 1, 1
            year, month, day = year + 1, 0, 1
        return None


def _table(size: int, due: Collection[int]) -> bytes:
    runs, start = [], 0
    for value in (*sorted(due), size):
        runs.append(bytes([value]) * (value + 1 - start))
        start = value + 1
    return b"".join(runs)
