"""Whether a job says what can be done, and when it is due: what people are told before the engine is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime
from functools import lru_cache
from itertools import islice, takewhile
from typing import NamedTuple
from zoneinfo import ZoneInfo

from scheduler.cron import parse
from scheduler.engine.calendars import Calendar, Rule
from scheduler.engine.plan import MISFIRED_AFTER
from scheduler.engine.rules import is_delayed, plain_rule, rule_of
from scheduler.job import Engine, Job, JobStatus, RetryStrategy, ScheduleType
from scheduler.refusal import Invalid

_MOST_SKIPPED = 200
_RULE = (
    *("schedule_type", "cron_expression", "interval_seconds", "interval_mode", "run_at"),
    *("timezone", "calendar_name", "holiday_policy"),
)
"""What says when a job is due."""
_NEEDED = {
    ScheduleType.CRON: "cron_expression",
    ScheduleType.INTERVAL: "interval_seconds",
    ScheduleType.ONCE: "run_at",
}


def checked(job: Job, old: Job | None) -> Job:
    """*job*, which was *old*, with its times read in its zone. Raise Invalid, naming the field.

    Retries that no one would make are refused where they are new: older jobs may have such.
    """
    zone = zone_of(job.timezone)
    if job.run_at is not None and job.run_at.tzinfo is None:
        job = replace(job, run_at=job.run_at.replace(tzinfo=zone))
    if job.engine is Engine.LOCAL and job.cluster is not None:
        raise Invalid("cluster", "is for jobs of engine xxl: this service's own are in none")
    needed = _NEEDED.get(job.schedule_type)
    if needed is not None and getattr(job, needed) is None:
        raise Invalid(needed, f"is needed by scheduleType {job.schedule_type}")
    if job.cron_expression is not None:
        cron_of(job.cron_expression)
    if old is None or _retries(old) != _retries(job):
        _check_retries(job)
    return job


def _retries(job: Job) -> tuple[RetryStrategy, int]:
    return job.retry_strategy, job.retry_count


def _check_retries(job: Job) -> None:
    tried_again = job.retry_strategy is not RetryStrategy.NONE
    if tried_again and not job.retry_count:
        raise Invalid("retry_count", f"is needed by retryStrategy {job.retry_strategy}")
    if job.retry_count and not tried_again and job.engine is Engine.LOCAL:
        raise Invalid("retry_strategy", "is none: a retryCount needs fixed, linear or exponential")


def refuse_past(job: Job, now: datetime) -> None:
    """Raise Invalid for a job that is to run once and whose time lies more than a moment ago."""
    if job.schedule_type is not ScheduleType.ONCE or job.run_at is None:
        return
    if job.run_at <= now - MISFIRED_AFTER:
        raise Invalid("run_at", "lies in the past")


def waits_endlessly(job: Job) -> bool:
    """Whether *job* is running and would never be due."""
    return (
        job.schedule_type is not ScheduleType.NONE
        and job.status is JobStatus.RUNNING
        and job.next_run_time is None
        and not is_delayed(job)  # a run is under way
    )


def refuse_endless_wait(job: Job) -> None:
    """Raise Invalid for a job that is running and would never be due, naming what says when."""
    if not waits_endlessly(job):
        return
    needed = _NEEDED[job.schedule_type]
    days = f" on the working days of {job.calendar_name}" if job.calendar_name else ""
    raise Invalid(needed, f"gives no time in the future{days}: such a job cannot be running")


def same_rule(old: Job, job: Job) -> bool:
    """Whether both are due at the same times."""
    return all(getattr(old, name) == getattr(job, name) for name in _RULE)


class Skipped(NamedTuple):
    """A time of the rule at which the job is not fired."""

    time: datetime
    reason: str


class NextFires(NamedTuple):
    """When a job is due, were it running."""

    job: Job
    times: Sequence[datetime]
    skipped: Sequence[Skipped]


def next_times(
    job: Job, moment: datetime, most: int, *, calendar: Calendar | None = None
) -> list[datetime]:
    """The next *most* times after *moment* at which *job* is due, in its zone.

    There are fewer when no more come: after a fixed delay only one is known, and while its run is
    under way none. *calendar* is the one that the job names.
    """
    if is_delayed(job):
        most = 0 if job.status is JobStatus.RUNNING and job.next_run_time is None else 1
    rule = rule_of(job, moment, calendar)
    return list(islice(fires(rule, moment.astimezone(zone_of(job.timezone))), most))


def skipped_times(
    job: Job, moment: datetime, until: datetime, *, calendar: Calendar
) -> list[Skipped]:
    """The times after *moment*, up to *until*, that *calendar* takes from the job's rule."""
    times = fires(plain_rule(job, moment), moment.astimezone(zone_of(job.timezone)))
    on_days_off = (
        Skipped(time, _reason(calendar, calendar.target(time.date(), job.holiday_policy)))
        for time in takewhile(lambda time: time <= until, times)
        if not calendar.is_working(time.date())
    )
    return list(islice(on_days_off, _MOST_SKIPPED))


def _reason(calendar: Calendar, moved_to: date | None) -> str:
    what = f"a day off in the calendar {calendar.name}"
    return f"{what}: moved to {moved_to}" if moved_to else f"{what}: skipped"


def fires(rule: Rule, moment: datetime) -> Iterator[datetime]:
    """The times of *rule* after *moment*, in its zone, without end unless the rule has one."""
    while (following := rule.next_after(moment)) is not None:
        yield (moment := following)


def cron_of(expression: str) -> Rule:
    """The rule that *expression* writes down. Raise Invalid."""
    try:
        return parse(expression)
    except ValueError as error:
        raise Invalid("cron_expression", str(error)) from None


@lru_cache(maxsize=1024)
def zone_of(name: str) -> ZoneInfo:
    """The IANA zone *name*. Raise Invalid."""
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, LookupError):
        raise Invalid("timezone", f"{name!r} is no IANA time zone") from None
