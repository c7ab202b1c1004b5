"""What an Admin can do with a job of ours, and what not: pure; each refusal names field and rule."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from scheduler.job import (
    HolidayPolicy,
    IntervalMode,
    Job,
    MisfirePolicy,
    RetryStrategy,
    ScheduleType,
)
from scheduler.job_rule import cron_of, zone_of
from scheduler.refusal import Invalid

_OLD = "2.x"
"""The generation whose parameters are no text of any length."""
_OLD_PARAMS, _CRON = 512, 128
_RETRIES = (RetryStrategy.NONE, RetryStrategy.FIXED)


class Place(NamedTuple):
    """Where a job is to be."""

    generation: str
    """As `Console.generation` says."""
    app_name: str
    """Of the only group that is ours."""
    timezone: str
    """IANA zone of the Admin: every rule is read in it."""


def check(job: Job, place: Place | None, *, old: Job | None = None) -> None:
    """Raise Invalid for the first thing that an Admin cannot do, that of *place* or any.

    What *old*, the same job as the Admin has it, does as well is no fault of *job*.
    """
    known = {_said(refusal) for refusal in _refusals(old, place)} if old is not None else set()
    for refusal in _refusals(job, place):
        if _said(refusal) not in known:
            raise refusal


def check_params(params: str, generation: str) -> None:
    """Raise Invalid for params with which an Admin of this *generation* cannot run a job."""
    for refusal in _of_params(params, generation):
        raise refusal


def _said(refusal: Invalid) -> tuple[str, str]:
    return refusal.field, str(refusal)


def _refusals(job: Job, place: Place | None) -> Iterator[Invalid]:
    yield from _of_rule(job)
    yield from _of_retries(job)
    if place is not None:
        yield from _of_place(job, place)
    if not job.handler:
        yield Invalid("handler", "is needed")
    if job.misfire_policy is MisfirePolicy.FIRE_ALL:
        yield Invalid("misfire_policy", "an Admin fires once or skips: fire_once, skip")
    if job.depends_on:
        yield Invalid("depends_on", "an Admin knows no dependencies: use a job of engine local")
    if job.calendar_name is not None:
        yield Invalid("calendar_name", "an Admin knows no calendars: use a job of engine local")
    if job.holiday_policy is not HolidayPolicy.SKIP:
        yield Invalid("holiday_policy", "an Admin knows no calendars: leave it at skip")


def _of_rule(job: Job) -> Iterator[Invalid]:
    if job.interval_mode is not IntervalMode.FIXED_RATE:
        yield Invalid("interval_mode", "an Admin counts from due time to due time: fixed_rate")
    match job.schedule_type:
        case ScheduleType.ONCE:
            yield Invalid(
                "schedule_type", "an Admin has no jobs that run once: cron, interval, none"
            )
        case ScheduleType.INTERVAL if not job.interval_seconds:
            yield Invalid("interval_seconds", "is needed by scheduleType interval")
        case ScheduleType.CRON:
            yield from _of_cron(job.cron_expression)


def _of_cron(expression: str | None) -> Iterator[Invalid]:
    if expression is None:
        yield Invalid("cron_expression", "is needed by scheduleType cron")
        return
    cron_of(expression)
    if len(expression.split()) not in (6, 7):
        yield Invalid("cron_expression", "an Admin reads 6 or 7 fields, seconds first")
    if len(expression) > _CRON:
        yield Invalid("cron_expression", f"an Admin keeps at most {_CRON} characters")


def _of_retries(job: Job) -> Iterator[Invalid]:
    if job.retry_strategy not in _RETRIES:
        yield Invalid("retry_strategy", "an Admin only counts: none, fixed")
    if job.retry_strategy is RetryStrategy.FIXED and not job.retry_count:
        yield Invalid("retry_count", "is needed by retryStrategy fixed")
    for name in ("retry_interval_seconds", "retry_max_interval_seconds"):
        if getattr(job, name):
            yield Invalid(name, "an Admin tries again within 10 s, always: leave it at 0")


def _of_place(job: Job, place: Place) -> Iterator[Invalid]:
    if job.group not in ("default", place.app_name):
        yield Invalid("group", f"only the group {place.app_name!r} of this Admin is ours")
    if job.timezone and zone_of(job.timezone) != zone_of(place.timezone):
        yield Invalid("timezone", f"this Admin reads every rule in {place.timezone}")
    yield from _of_params(job.params, place.generation)


def _of_params(params: str, generation: str) -> Iterator[Invalid]:
    if generation == _OLD and len(params) > _OLD_PARAMS:
        yield Invalid("params", f"an Admin of {_OLD} keeps at most {_OLD_PARAMS} characters")
