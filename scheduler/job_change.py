"""When a job is due next after people have changed it, or its calendar; pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from scheduler.engine.calendars import Calendar
from scheduler.engine.plan import MISFIRED_AFTER, first_time
from scheduler.engine.rules import is_delayed
from scheduler.job import Job, ScheduleType
from scheduler.job_rule import same_rule


class Kept(NamedTuple):
    """What becomes of the fires of a job's rule when the job is changed."""

    taken_back: datetime | None
    """The first due time that was planned and is not any more; None: nothing was."""
    newest: datetime | None
    """The newest due time whose fire stays: it is fired, has come due, or waits for other jobs."""
    under_way: bool
    """Something that the rule has begun has no end yet."""


def next_time(
    old: Job, job: Job, kept: Kept, *, now: datetime, calendar: Calendar | None
) -> datetime | None:
    """When *job*, which was *old*, is due next; each time is fired once. Raise BadSchedule.

    An interval that stays goes on from where it was; one that is new begins one interval from now.
    None: never, or the end of what is under way will say when.
    """
    if kept.under_way and is_delayed(job):
        return None
    start = (kept.taken_back or old.next_run_time) if _same_pace(old, job) else None
    if start is not None and start <= now and same_rule(old, job):
        return start  # it is due, and nobody has planned it: its misfire policy is asked
    after = now - MISFIRED_AFTER if _is_new_moment(old, job) else max(now, kept.newest or now)
    return first_time(replace(job, next_run_time=start), after, calendar=calendar)


def last_time_lost(old: Job, job: Job, kept: Kept) -> datetime | None:
    """When *job*, which was *old*, was due and, having no next time, will never be; None: it was not."""
    if kept.under_way or job.schedule_type is ScheduleType.NONE:
        return None
    return kept.taken_back or old.next_run_time


def _is_new_moment(old: Job, job: Job) -> bool:
    """Whether *job* is to run once at a moment that was not known: it may have just passed."""
    return job.schedule_type is ScheduleType.ONCE and (not job.id or old.run_at != job.run_at)


def _same_pace(old: Job, job: Job) -> bool:
    """Whether the times of both are so far apart as before."""
    return old.schedule_type is job.schedule_type and (
        job.schedule_type is not ScheduleType.INTERVAL
        or (old.interval_seconds, old.interval_mode) == (job.interval_seconds, job.interval_mode)
    )
