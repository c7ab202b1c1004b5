"""From readings of a wall clock to instants: the one place that knows of zones and their changes.

Both dialects follow the reference, which compares what the clock shows and asks for the instant
at the end:

- Gap (clocks go forward): a reading that no clock shows is skipped, not moved. `0 30 2 * * ?` does
  not run on that day.
- Overlap (clocks go back): a reading shown twice is due once, at its second occurrence. A moment in
  the first pass counts by what the clock shows: after the first 01:05 the next `0 0/20 * * * ?` is the
  second 01:20. The search starts one second of real time later, so the last second of the first
  pass looks at the whole second pass.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache, reduce
from operator import or_

from scheduler.cron.days import FIRST_YEAR, LAST_YEAR
from scheduler.cron.schedule import Reading, Schedule

_SECOND = timedelta(seconds=1)
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Rule:
    """When a job is due, to the second, from 1970 to `LAST_YEAR`."""

    text: str
    schedule: Schedule = field(repr=False)

    def __str__(self) -> str:
        return self.text

    def next_after(self, moment: datetime) -> datetime | None:
        """The first due time after *moment*, in its zone; None when it is never due again.

        Fractions of a second are dropped. Raises ValueError when *moment* is naive, or in a zone
        that cannot be hashed, as dateutil's.
        """
        zone = moment.tzinfo
        if zone is None:
            raise ValueError("a moment without a zone does not say when it is")
        if zone.__hash__ is None:
            raise ValueError(f"the zone {zone!r} cannot be hashed: take zoneinfo's")
        if moment.year > LAST_YEAR:
            return None
        due = self.schedule.from_reading(_second_later(moment, zone))
        while due is not None:
            if (shown := _last_showing(due, zone)) is not None:
                return shown
            due = self.schedule.from_reading(_gap_end(due, zone))
        return None

    def next_times(self, moment: datetime, count: int) -> list[datetime]:
        """The first *count* due times after *moment*; fewer when there are no more."""
        times: list[datetime] = []
        while len(times) < count and (due := self.next_after(moment)) is not None:
            times.append(moment := due)
        return times


def _second_later(moment: datetime, zone: tzinfo) -> Reading:
    """What clocks in *zone* show one second after *moment*, but nothing before `FIRST_YEAR`."""
    if moment.year < FIRST_YEAR:
        return FIRST_YEAR, 1, 1, 0, 0, 0
    if not _changes(zone, moment.year, moment.month) >> moment.day & 1:
        return _reading(moment + _SECOND)
    return _reading((moment.astimezone(UTC) + _SECOND).astimezone(zone))


def _last_showing(reading: Reading, zone: tzinfo) -> datetime | None:
    """The last instant at which clocks in *zone* show *reading*; None in a gap."""
    moment = datetime(*reading, tzinfo=zone)
    if not _changes(zone, moment.year, moment.month) >> moment.day & 1:
        return moment
    second = moment.replace(fold=1)
    before, after = _offset(moment), _offset(second)
    if before == after:
        return moment
    return second if before > after else None


def _gap_end(lost: Reading, zone: tzinfo) -> Reading:
    """The first reading that clocks in *zone* do show again, after a *lost* one."""
    moment = datetime(*lost, tzinfo=zone)
    before = _offset(moment)
    gap = _offset(moment.replace(fold=1)) - before

    def is_shown(later: timedelta) -> bool:
        return _offset(moment + later) != before

    usual = gap - (moment - moment.replace(hour=0, minute=0, second=0)) % gap
    if is_shown(usual) and not is_shown(usual - _SECOND):  # an hour's gap ends on the hour
        return _reading(moment + usual)
    seconds = range(gap // _SECOND)
    return _reading(
        moment + _SECOND * bisect_left(seconds, True, key=lambda s: is_shown(_SECOND * s))
    )


@lru_cache(maxsize=8192)  # asking a zone for its offsets costs more than all the rest
def _changes(zone: tzinfo, year: int, month: int) -> int:
    """The days of that month, as bits, on which clocks in *zone* change, or the day before or after.

    Looks once a week first: no zone has ever changed there and back within one.
    """
    start = datetime(year, month, 1, tzinfo=zone) - _DAY
    offsets = [_offset(start + _DAY * days) for days in (0, 7, 14, 21, 28, 35)]
    if len(set(offsets)) == 1:
        return 0
    weeks = (week for week in range(5) if offsets[week] != offsets[week + 1])
    return reduce(or_, (0b111 << _change(start, week * 7, offsets[week]) >> 1 for week in weeks))


def _change(start: datetime, day: int, before: timedelta) -> int:
    """The day after *start*, from *day* on for a week, on which the offset is no more *before*."""
    return day + bisect_left(
        range(7), True, key=lambda later: _offset(start + _DAY * (day + later + 1)) != before
    )


def _offset(moment: datetime) -> timedelta:
    return moment.utcoffset() or timedelta()


def _reading(moment: datetime) -> Reading:
    return (
        moment.year, moment.month, moment.day, moment.hour, moment.minute, moment.second
    )  # fmt: skip
