"""When a job is due by its rule, and whether it has a rule that can be kept."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import islice
from zoneinfo import ZoneInfo

from scheduler.cron import Rule, parse
from scheduler.job import Job, RetryStrategy, ScheduleType
from scheduler.refusal import Invalid

_NEEDED = {
    ScheduleType.CRON: "cron_expression",
    ScheduleType.INTERVAL: "interval_seconds",
    ScheduleType.ONCE: "run_at",
}


def check(job: Job) -> None:
    """Raise Invalid, naming the field, unless *job* can be scheduled as it says."""
    zone_of(job.timezone)
    needed = _NEEDED.get(job.schedule_type)
    if needed is not None and getattr(job, needed) is None:
        raise Invalid(needed, f"is needed by schedule type {job.schedule_type}")
    if job.cron_expression is not None:
        cron_of(job.cron_expression)
    if job.retry_strategy is not RetryStrategy.NONE and not job.retry_count:
        raise Invalid("retry_count", f"is needed by retry strategy {job.retry_strategy}")
    if job.id and job.id in job.depends_on:
        raise Invalid("depends_on", f"a job cannot depend on itself: {job.id} → {job.id}")


def next_time(job: Job, moment: datetime) -> datetime | None:
    """The first time after *moment* at which *job* is due; None: never again."""
    return next(iter(next_times(job, moment, 1)), None)


def next_times(job: Job, moment: datetime, most: int) -> list[datetime]:
    """The next *most* times after *moment* at which *job* is due, in its zone; fewer: no more come."""
    return list(islice(_times(job, moment.astimezone(zone_of(job.timezone))), most))


def _times(job: Job, moment: datetime) -> Iterator[datetime]:
    match job.schedule_type:
        case ScheduleType.CRON:
            assert job.cron_expression is not None
            yield from fires(cron_of(job.cron_expression), moment)
        case ScheduleType.INTERVAL:
            assert job.interval_seconds is not None
            while True:
                moment += timedelta(seconds=job.interval_seconds)
                yield moment
        case ScheduleType.ONCE:
            assert job.run_at is not None
            if job.run_at > moment:
                yield job.run_at.astimezone(moment.tzinfo)
        case ScheduleType.NONE:
            return


def fires(rule: Rule, moment: datetime) -> Iterator[datetime]:
    """The times of a cron *rule* after *moment*, in its zone, without end unless the rule has one."""
    while (following := rule.next_after(moment)) is not None:
        yield (moment := following)


@lru_cache(maxsize=1024)
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
