"""The rule of a job: its due times, whatever kind it is; pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, Protocol
from zoneinfo import ZoneInfo

from scheduler.cron import parse
from scheduler.engine.calendars import Calendar, OnWorkingDays, Rule
from scheduler.job import HolidayPolicy, IntervalMode, MisfirePolicy, ScheduleType


class BadSchedule(ValueError):
    """A job that cannot be planned; the message says why, for people."""


class Scheduled(Protocol):
    """What planning asks of a job: a `scheduler.job.Job`, or as much of it."""

    @property
    def schedule_type(self) -> ScheduleType: ...
    @property
    def cron_expression(self) -> str | None: ...
    @property
    def interval_seconds(self) -> int | None: ...
    @property
    def interval_mode(self) -> IntervalMode: ...
    @property
    def run_at(self) -> datetime | None: ...
    @property
    def timezone(self) -> str: ...
    @property
    def misfire_policy(self) -> MisfirePolicy: ...
    @property
    def next_run_time(self) -> datetime | None: ...
    @property
    def calendar_name(self) -> str | None: ...
    @property
    def holiday_policy(self) -> HolidayPolicy: ...


class Every(NamedTuple):
    """A fixed rate: *anchor* and every *seconds* after it, however late a run was."""

    anchor: datetime
    seconds: int

    def next_after(self, moment: datetime) -> datetime | None:
        if moment < self.anchor:
            return self.anchor.astimezone(moment.tzinfo)
        period = timedelta(seconds=self.seconds)
        past = (moment - self.anchor) // period
        following = self.anchor.astimezone(UTC) + period * (past + 1)
        return following.astimezone(moment.tzinfo)


@dataclass(frozen=True, slots=True)
class Once:
    """One moment."""

    at: datetime

    def next_after(self, moment: datetime) -> datetime | None:
        return self.at.astimezone(moment.tzinfo) if moment < self.at else None


class Never:
    """Nothing is ever due."""

    def next_after(self, _: datetime) -> datetime | None:
        return None


def is_delayed(job: Scheduled) -> bool:
    """Whether the end of its run says when *job* is due next: until then nothing does."""
    return (
        job.schedule_type is ScheduleType.INTERVAL and job.interval_mode is IntervalMode.FIXED_DELAY
    )


def zone_of(job: Scheduled) -> ZoneInfo:
    """The zone in which the job's rule is read. Raise BadSchedule."""
    try:
        return ZoneInfo(job.timezone)
    except (KeyError, ValueError, OSError):
        raise BadSchedule(f"there is no time zone {job.timezone!r}") from None


def rule_of(job: Scheduled, now: datetime, calendar: Calendar | None = None) -> Rule:
    """When *job* is due; *calendar* is the one it names. Raise BadSchedule.

    An interval counts from the time that is due next, or from *now* where there is none.
    """
    rule = plain_rule(job, now)
    if job.calendar_name is None:
        return rule
    if calendar is None:
        raise BadSchedule(f"there is no calendar {job.calendar_name!r}")
    takes_in = job.schedule_type is ScheduleType.INTERVAL
    return OnWorkingDays(rule, calendar, job.holiday_policy, takes_in)


def plain_rule(job: Scheduled, now: datetime) -> Rule:
    """The same without its calendar. Raise BadSchedule."""
    match job.schedule_type:
        case ScheduleType.CRON:
            return _cron_rule(job.cron_expression or "")
        case ScheduleType.INTERVAL if (job.interval_seconds or 0) > 0:
            return Every(job.next_run_time or now, job.interval_seconds or 1)
        case ScheduleType.INTERVAL:
            raise BadSchedule("an interval needs a number of seconds above 0")
        case ScheduleType.ONCE if job.run_at is not None:
            return Once(job.run_at)
        case ScheduleType.ONCE:
            raise BadSchedule("a job that runs once needs its time")
        case ScheduleType.NONE:
            return Never()


def _cron_rule(expression: str) -> Rule:
    try:
        return parse(expression)
    except ValueError as error:
        raise BadSchedule(f"the cron expression {expression!r} cannot be read: {error}") from error
