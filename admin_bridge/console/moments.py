"""Moments as consoles write them, and the zones that they mean.

Up to 3.4.0 dates carry their offset. Since 3.4.1 they are bare: those of groups and jobs in UTC,
those of logs in the zone of the Admin's JVM. Filters and previews are in the JVM's zone always.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo

_FORMAT = "%Y-%m-%d %H:%M:%S"
_QUARTER = timedelta(minutes=15)
"""Zones differ in steps of it; less is a clock that is wrong."""

FIRST = "1970-01-02 00:00:00"
LAST = "2999-12-31 23:59:59"
"""The bounds of a filter that has only one."""


@dataclass(frozen=True, slots=True)
class AdminClock:
    """What the clock on the Admin's wall shows."""

    offset: timedelta
    """Of the JVM's zone from UTC, now."""
    ahead: timedelta
    """How far it is ahead of ours, to a second; negative when behind."""

    @property
    def zone(self) -> tzinfo:
        """A zone of this offset for all times: without summer time."""
        return timezone(self.offset)


def in_utc(moment: datetime, zone: tzinfo) -> datetime:
    """*moment* in UTC; a bare one is of *zone*."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=zone)
    return aware.astimezone(UTC)


def of_wall(text: str, zone: tzinfo) -> datetime:
    """The moment that the wall clock in *zone* shows as *text*; ValueError if that is no date."""
    return in_utc(datetime.fromisoformat(text), zone)


def on_wall(moment: datetime, zone: tzinfo) -> str:
    """What the wall clock in *zone* shows at an aware *moment*, cut to the second."""
    return moment.astimezone(zone).strftime(_FORMAT)


def of_millis(millis: int) -> datetime | None:
    """The moment of epoch milliseconds, None for 0."""
    return datetime.fromtimestamp(millis / 1000, UTC) if millis > 0 else None


def clock_shown(text: str, now: datetime) -> AdminClock:
    """The Admin's clock, which shows *text* where ours shows *now* (aware).

    A clock that is wrong by more than seven minutes passes for another zone.
    """
    bare = now.astimezone(UTC).replace(tzinfo=None)
    difference = datetime.fromisoformat(text) - bare
    offset = round(difference / _QUARTER) * _QUARTER
    return AdminClock(offset, difference - offset)


def between(since: datetime | None, until: datetime | None, zone: tzinfo) -> str:
    """The wire's filterTime; both ends included.

    An end that the wall shows twice lies an hour farther out: which of both a row has is unknown.
    """
    if since is None and until is None:
        return ""
    first = FIRST if since is None else on_wall(since - _doubt(since, zone), zone)
    last = LAST if until is None else on_wall(until + _doubt(until, zone), zone)
    return f"{first} - {last}"


def _doubt(moment: datetime, zone: tzinfo) -> timedelta:
    """How far what the wall shows at *moment* may be from it: not at all, but when it is set back."""
    shown = moment.astimezone(zone)
    offsets = [shown.replace(fold=fold).utcoffset() or timedelta() for fold in (0, 1)]
    return max(offsets) - min(offsets)
