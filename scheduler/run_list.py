"""Lists of runs, newest first: by page, by cursor, and never by counting a big table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, RowMapping, Select, func, select, text, tuple_
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from executor.model import RunState, Source
from scheduler.refusal import Invalid, NotFound
from scheduler.tables import schedule_daily, schedule_job, schedule_job_statistics, schedule_log

MOST_COUNTED = 10_000
"""Rows that are counted one by one, and rows that can be reached by page number."""
_COUNT_WITHIN_MS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFilter:
    """Which runs of a list are wanted; None: any."""

    job_id: int | None = None
    status: RunState | None = None
    start_time: datetime | None = None
    """Triggered then or later."""
    end_time: datetime | None = None
    """Triggered then or earlier."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A row of `schedule_log`, with its job's name and zone."""

    id: int
    cluster: str
    admin_log_id: int
    job_id: int
    job_name: str
    timezone: str
    handler_name: str
    params: str
    trigger_type: Source
    status: RunState
    attempt: int
    first_log_id: int | None
    scheduled_time: datetime
    trigger_time: datetime
    start_time: datetime | None
    end_time: datetime | None
    duration_ms: int | None
    result_code: int | None
    result_message: str
    executor_address: str
    shard_index: int
    shard_total: int


class Place(NamedTuple):
    """Where a list goes on: after the run that was triggered then, of this id."""

    trigger_time: datetime
    id: int


class Total(NamedTuple):
    """How many runs there are; not *exact*: at least so many."""

    number: int
    exact: bool


class RunList:
    """The runs that PostgreSQL knows."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def get(self, log_id: int) -> Run:
        """The run of this id. Raise NotFound."""
        run = await self.find(log_id)
        if run is None:
            raise NotFound("run", log_id)
        return run

    async def find(self, log_id: int) -> Run | None:
        """The run of this id, once it is recorded."""
        async with self._engine.connect() as connection:
            rows = await connection.execute(_runs().where(schedule_log.c.id == log_id))
            row = rows.mappings().first()
        return _run_of(row) if row is not None else None

    async def page(
        self, wanted: RunFilter, *, size: int, skip: int = 0, after: Place | None = None
    ) -> Sequence[Run]:
        """At most *size* runs, newest first: from *skip* on, or after a place in the list.

        Raises Invalid where a page lies deeper than pages go.
        """
        query = _runs().where(*_conditions(wanted)).limit(size)
        if after is not None:
            query = query.where(after > _KEY)
        elif skip + size > MOST_COUNTED:
            raise Invalid("current", f"pages end at record {MOST_COUNTED}: go on by cursor")
        query = query.order_by(*(column.desc() for column in _KEY_COLUMNS))
        async with self._engine.connect() as connection:
            rows = await connection.execute(query.offset(0 if after else skip))
            return [_run_of(row) for row in rows.mappings()]

    async def total(self, wanted: RunFilter) -> Total:
        """How many runs *wanted* asks for.

        Up to MOST_COUNTED they are counted. Above, all runs and those of one job are known from
        the statistics, which count what is final; of other lists only a lower bound is said.
        """
        counted = await self._counted(wanted)
        if counted is not None and counted <= MOST_COUNTED:
            return Total(counted, True)
        if wanted == RunFilter(job_id=wanted.job_id):
            return Total(max(MOST_COUNTED, await self._ever(wanted.job_id)), False)
        return Total(MOST_COUNTED if counted else 0, False)

    async def _counted(self, wanted: RunFilter) -> int | None:
        """How many there are, up to one more than MOST_COUNTED; None: it would take too long."""
        some = select(text("1")).select_from(schedule_log).where(*_conditions(wanted))
        query = select(func.count()).select_from(some.limit(MOST_COUNTED + 1).subquery())
        try:
            async with self._engine.begin() as connection:
                await connection.execute(text(f"SET LOCAL statement_timeout = {_COUNT_WITHIN_MS}"))
                return int(await connection.scalar(query) or 0)
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) != _QUERY_CANCELED:
                raise
            return None

    async def _ever(self, job_id: int | None) -> int:
        """The final runs of a job, or of all, since the beginning."""
        table = schedule_daily if job_id is None else schedule_job_statistics
        query = select(func.sum(table.c.execute_count + table.c.discard_count))
        if job_id is not None:
            query = query.where(schedule_job_statistics.c.job_id == job_id)
        async with self._engine.connect() as connection:
            return int(await connection.scalar(query) or 0)


_QUERY_CANCELED = "57014"
_KEY_COLUMNS = (schedule_log.c.trigger_time, schedule_log.c.id)
_KEY = tuple_(*_KEY_COLUMNS)
_OF_JOB = {"job_name": schedule_job.c.job_name, "timezone": schedule_job.c.timezone}


def _runs() -> Select[Any]:
    columns = [
        _OF_JOB[field.name].label(field.name)
        if field.name in _OF_JOB
        else schedule_log.c[field.name]
        for field in fields(Run)
    ]
    return select(*columns).join(
        schedule_job, schedule_job.c.id == schedule_log.c.job_id, isouter=True
    )


def _conditions(wanted: RunFilter) -> list[ColumnElement[bool]]:
    columns = schedule_log.c
    found: list[ColumnElement[bool]] = []
    if wanted.job_id is not None:
        found.append(columns.job_id == wanted.job_id)
    if wanted.status is not None:
        found.append(columns.status == wanted.status)
    if wanted.start_time is not None:
        found.append(columns.trigger_time >= wanted.start_time)
    if wanted.end_time is not None:
        found.append(columns.trigger_time <= wanted.end_time)
    return found


def _run_of(row: RowMapping) -> Run:
    values = dict(row)
    values["job_name"] = values["job_name"] or ""
    values["timezone"] = values["timezone"] or "UTC"
    values["trigger_type"] = Source(values["trigger_type"])
    values["status"] = RunState(values["status"])
    return Run(**values)
