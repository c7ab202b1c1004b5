"""Business calendars: which days are worked on, and where a due time on a day off goes; pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Protocol

from scheduler.job import HolidayPolicy

_DAY = timedelta(days=1)
_LONGEST_HOLIDAY = 366
_MOST_DAYS = 4_000
"""Days with due times that are looked at before a rule is said to give none on working days."""


class Rule(Protocol):
    """When something is due."""

    def next_after(self, moment: datetime) -> datetime | None:
        """The first due time after *moment*, in its zone; None: never again."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """The working days of a business."""

    name: str
    working_weekdays: frozenset[int] = frozenset({1, 2, 3, 4, 5})
    """1 is Monday."""
    closing_days: frozenset[date] = frozenset()
    make_up_days: frozenset[date] = frozenset()
    """Worked on whatever their weekday; they win over closing days."""

    def is_working(self, day: date) -> bool:
        if day in self.make_up_days:
            return True
        return day.isoweekday() in self.working_weekdays and day not in self.closing_days

    def target(self, day: date, policy: HolidayPolicy) -> date | None:
        """The working day on which what is due on *day* is fired; None: it is skipped."""
        if self.is_working(day):
            return day
        if policy is HolidayPolicy.SKIP:
            return None
        step = _DAY if policy is HolidayPolicy.SHIFT_AFTER else -_DAY
        for _ in range(_LONGEST_HOLIDAY):
            day += step
            if self.is_working(day):
                return day
        return None


@dataclass(frozen=True, slots=True)
class OnWorkingDays:
    """A rule whose due times on days off are skipped or shifted, at the same time of day.

    What falls together by shifting is due once. Days are those of the moment's zone.
    """

    rule: Rule
    calendar: Calendar
    policy: HolidayPolicy
    takes_in: bool = False
    """A day on which the rule itself is due takes in what is shifted to it. So for intervals, whose times
    of day are others each day: each would be counted from anew, and shifted again."""

    def next_after(self, moment: datetime) -> datetime | None:
        best: datetime | None = None
        cursor: datetime | None = self._first_cursor(moment)
        for _ in range(_MOST_DAYS):
            due = self.rule.next_after(cursor) if cursor is not None else None
            if due is None:
                return best
            day = self.calendar.target(due.date(), self.policy)
            if best is not None and day is not None and day > best.date():
                return best
            best = self._earlier(best, self._on(due, day, moment))
            cursor = _end_of(due)
        return best

    def _first_cursor(self, moment: datetime) -> datetime:
        """Before the first day whose due times can be fired after *moment*."""
        day = moment.date()
        if self.policy is not HolidayPolicy.SHIFT_AFTER:
            return moment
        while not self.calendar.is_working(day - _DAY) and (moment.date() - day) < _YEAR:
            day -= _DAY
        return _end_of(moment.replace(year=day.year, month=day.month, day=day.day) - _DAY)

    def _on(self, due: datetime, day: date | None, moment: datetime) -> datetime | None:
        """The first due time of the day of *due*, moved to *day*, if it is after *moment*."""
        if day is None or day < moment.date():
            return None
        if self.takes_in and day != due.date() and self._is_due_on(day, due):
            return None
        moved = _moved(due, day)
        if _instant(moved) > _instant(moment):
            return moved
        later = self.rule.next_after(_moved(moment, due.date()))
        if later is None or later.date() != due.date():
            return None
        moved = _moved(later, day)
        return moved if _instant(moved) > _instant(moment) else None

    def _is_due_on(self, day: date, due: datetime) -> bool:
        first = self.rule.next_after(_end_of(_moved(due, day - _DAY)))
        return first is not None and first.date() == day

    @staticmethod
    def _earlier(one: datetime | None, other: datetime | None) -> datetime | None:
        return min((each for each in (one, other) if each is not None), key=_instant, default=None)


_YEAR = timedelta(days=_LONGEST_HOLIDAY)


def _moved(moment: datetime, day: date) -> datetime:
    """The same time of day on *day*: the second one where the clock shows it twice, as for rules."""
    if moment.date() == day:
        return moment
    first = datetime.combine(day, moment.timetz().replace(fold=0))
    second = first.replace(fold=1)
    return max(first, second, key=_instant)


def _end_of(moment: datetime) -> datetime:
    return datetime.combine(moment.date(), time.max.replace(fold=1), tzinfo=moment.tzinfo)


def _instant(moment: datetime) -> datetime:
    """*moment* as it compares with others: in its own zone it would by what the clock shows."""
    return moment.astimezone(UTC)
