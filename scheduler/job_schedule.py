"""What a change of a job does to its schedule, on a connection that the caller has opened."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from scheduler import calendar_store, job_store
from scheduler.engine.calendars import Calendar
from scheduler.engine.rules import BadSchedule
from scheduler.engine.statements import sql
from scheduler.job import Job, JobStatus
from scheduler.job_change import Kept, last_time_lost, next_time
from scheduler.job_rule import zone_of
from scheduler.refusal import Invalid

_LOST = "a change of its calendar or rule has taken away its last time"


async def scheduled(connection: AsyncConnection, old: Job, job: Job, *, now: datetime) -> Job:
    """*job*, which was *old*, with the time of its next run; only a running one has any.

    Attempts that are to come, and fires that wait for other jobs, stay. When none is to come, though
    one was, the job's note says so. Raises Invalid.
    """
    ((taken_back,),) = await _ask(connection, "withdraw", job.id, now)
    ((newest, under_way),) = await _ask(connection, "newest_kept", job.id)
    kept = Kept(taken_back, newest, under_way)
    calendar = await calendar_of(connection, job)
    try:
        following = next_time(old, job, kept, now=now, calendar=calendar)
    except BadSchedule as error:
        raise Invalid("schedule_type", str(error)) from None
    if job.status is not JobStatus.RUNNING:
        return replace(job, next_run_time=None)
    if following is None and (lost := last_time_lost(old, job, kept)) is not None:
        when = lost.astimezone(zone_of(job.timezone))
        await job_store.note(connection, job.id, f"{_LOST}, {when:%Y-%m-%d %H:%M:%S %Z}")
    return replace(job, next_run_time=following)


async def drop_planned(
    connection: AsyncConnection, job_id: int, *, deleted: bool = False
) -> dict[str, int]:
    """Drop what is planned for a job that is not scheduled any more; how many of what.

    Chains of attempts that people have begun go on, unless the job is *deleted*.
    """
    rows = await _ask(connection, "drop_fires", job_id, deleted)
    return {row.what: row.number for row in rows}


async def calendar_of(connection: AsyncConnection, job: Job) -> Calendar | None:
    """The calendar that the job names, if any. Raise Invalid."""
    if job.calendar_name is None:
        return None
    calendar = await calendar_store.find(connection, job.calendar_name)
    if calendar is None:
        raise Invalid("calendar_name", f"there is no calendar {job.calendar_name!r}")
    return calendar


async def _ask(connection: AsyncConnection, name: str, *values: object) -> Sequence[Any]:
    """The answer to one of the engine's statements."""
    statement = text(re.sub(r"\$(\d)", r":v\1", sql(name)))
    given = {f"v{number}": value for number, value in enumerate(values, start=1)}
    return (await connection.execute(statement, given)).all()
