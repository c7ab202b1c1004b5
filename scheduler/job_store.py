"""Jobs in PostgreSQL: read, written and listed on a connection that the caller has opened."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, Select, delete, func, insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from executor.model import BlockStrategy
from scheduler.dependency_store import parents_of, set_parents
from scheduler.job import (
    Engine,
    HolidayPolicy,
    IntervalMode,
    Job,
    JobStatus,
    MisfirePolicy,
    RetryStrategy,
    ScheduleType,
)
from scheduler.tables import (
    schedule_config,
    schedule_job,
    schedule_job_statistics,
)

MASK = "******"
"""Stands for a secret in everything that people read."""
_COLUMN_OF = {"name": "job_name", "group": "job_group", "handler": "handler_name"}
_ENUMS: Mapping[str, Any] = {
    "engine": Engine,
    "schedule_type": ScheduleType,
    "interval_mode": IntervalMode,
    "misfire_policy": MisfirePolicy,
    "block_strategy": BlockStrategy,
    "retry_strategy": RetryStrategy,
    "holiday_policy": HolidayPolicy,
    "status": JobStatus,
}
_ELSEWHERE = {"depends_on", "configs", "last_run_time"}
_STORED = {
    field.name: _COLUMN_OF.get(field.name, field.name)
    for field in fields(Job)
    if field.name not in _ELSEWHERE
}
COLUMNS = tuple(_STORED.values())
"""Of `schedule_job`, those that a job is read from."""
_WRITTEN = _STORED.keys() - {"create_time", "update_time", "mirrored_at"}
_ALIVE = schedule_job.c.deleted_at.is_(None)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFilter:
    """Which jobs of a list are wanted; None: any."""

    name: str | None = None
    """A part of it, in any case."""
    job_no: str | None = None
    group: str | None = None
    status: JobStatus | None = None
    engine: Engine | None = None
    schedule_type: ScheduleType | None = None
    handler: str | None = None


def job_of(row: RowMapping, **elsewhere: Any) -> Job:
    """The job in a row of `schedule_job`; *elsewhere* is what other tables hold of it."""
    values = {name: row[column] for name, column in _STORED.items()}
    kinds = {name: kind(values[name]) for name, kind in _ENUMS.items()}
    return Job(**values | kinds | elsewhere)


async def find(connection: AsyncConnection, job_id: int, *, lock: bool = False) -> Job | None:
    """The job that is not deleted; *lock* keeps others from changing it until the end."""
    query = _jobs().where(schedule_job.c.id == job_id)
    rows = await connection.execute(
        query.with_for_update(of=schedule_job, key_share=True) if lock else query
    )
    found = await _completed(connection, rows.mappings().all())
    return found[0] if found else None


async def engine_of(connection: AsyncConnection, job_id: int) -> Engine | None:
    """Who schedules the job; None: there is no such job, or no more."""
    query = select(schedule_job.c.engine).where(schedule_job.c.id == job_id, _ALIVE)
    engine = await connection.scalar(query)
    return Engine(engine) if engine else None


async def find_all(connection: AsyncConnection, wanted: JobFilter) -> Sequence[Job]:
    """Every job that *wanted* asks for, oldest first."""
    query = _jobs().where(*_conditions(wanted)).order_by(schedule_job.c.id)
    return await _completed(connection, (await connection.execute(query)).mappings().all())


async def page(
    connection: AsyncConnection, wanted: JobFilter, *, size: int, skip: int, before: int | None
) -> Sequence[Job]:
    """At most *size* jobs, newest first, from *skip* on; *before* is the last id already seen."""
    query = _jobs().where(*_conditions(wanted)).order_by(schedule_job.c.id.desc()).limit(size)
    query = query.offset(skip) if before is None else query.where(schedule_job.c.id < before)
    return await _completed(connection, (await connection.execute(query)).mappings().all())


async def count(connection: AsyncConnection, wanted: JobFilter) -> int:
    """How many there are: jobs are configured by people, so this is no big table."""
    query = select(func.count()).select_from(schedule_job).where(*_conditions(wanted))
    return int(await connection.scalar(query) or 0)


async def add(connection: AsyncConnection, job: Job, *, today: str) -> Job:
    """Store a new job with its configs and its row of statistics; the job as it is now known.

    *today* is the day in its number, as 20261124.
    """
    job_id = await connection.scalar(text("SELECT nextval('qooerp_scheduler.schedule_job_id_seq')"))
    assert isinstance(job_id, int)
    job = replace(job, id=job_id, job_no=f"JOB-{today}-{job_id:06}")
    query = insert(schedule_job).values(_row(job)).returning(schedule_job.c.create_time)
    made = await connection.scalar(query)
    await connection.execute(insert(schedule_job_statistics).values(job_id=job_id))
    await set_configs(connection, job_id, job.configs)
    await set_parents(connection, job_id, job.depends_on)
    return replace(job, create_time=made, update_time=made)


async def save(connection: AsyncConnection, job: Job) -> Job:
    """Write what people can change of *job*, and end the engine's note on it; the job as it is now."""
    values = _row(job) | {"update_time": func.now()}
    due = job.schedule_type is not ScheduleType.NONE and job.status is JobStatus.RUNNING
    if job.next_run_time is not None or not due:
        values["schedule_note"] = ""
    query = update(schedule_job).where(schedule_job.c.id == job.id).values(values)
    return replace(
        job, update_time=await connection.scalar(query.returning(schedule_job.c.update_time))
    )


async def note(connection: AsyncConnection, job_id: int, why: str) -> None:
    """Say why a running job is never due any more, until somebody changes that."""
    query = update(schedule_job).where(schedule_job.c.id == job_id)
    await connection.execute(query.values(schedule_note=why))


async def mark_deleted(connection: AsyncConnection, job_id: int) -> None:
    """Delete it logically: runs still name it, lists and the engine no longer see it."""
    gone = {"deleted_at": func.now(), "status": "stopped", "next_run_time": None}
    await connection.execute(
        update(schedule_job)
        .where(schedule_job.c.id == job_id)
        .values(update_time=func.now(), **gone)
    )
    await connection.execute(delete(schedule_config).where(schedule_config.c.job_id == job_id))


async def set_configs(connection: AsyncConnection, job_id: int, configs: Mapping[str, str]) -> None:
    """Make *configs* the plain ones of the job; its secrets are set and deleted on their own."""
    table = schedule_config
    given = plain(configs)
    await connection.execute(
        delete(table).where(
            table.c.job_id == job_id, table.c.secret.is_(False), table.c.config_key.not_in(given)
        )
    )
    if given:
        rows = [
            {"job_id": job_id, "config_key": key, "config_value": value}
            for key, value in given.items()
        ]
        query = upsert(table).values(rows)
        await connection.execute(
            query.on_conflict_do_update(
                constraint="schedule_config_key",
                set_={"config_value": query.excluded.config_value, "update_time": func.now()},
                where=table.c.config_value != query.excluded.config_value,
            )
        )


def plain(configs: Mapping[str, str]) -> dict[str, str]:
    """*configs* without secrets, which come back as their mask."""
    return {key: value for key, value in configs.items() if value != MASK}


async def secret_keys(connection: AsyncConnection, job_id: int) -> set[str]:
    """The keys of the job's configs that are secret."""
    query = select(schedule_config.c.config_key).where(
        schedule_config.c.job_id == job_id, schedule_config.c.secret
    )
    return set(await connection.scalars(query))


async def missing(connection: AsyncConnection, ids: Iterable[int]) -> list[int]:
    """Those of *ids* that are no living job."""
    wanted = set(ids)
    query = select(schedule_job.c.id).where(schedule_job.c.id.in_(wanted), _ALIVE)
    return sorted(wanted - set(await connection.scalars(query))) if wanted else []


def _jobs() -> Select[Any]:
    statistics = schedule_job_statistics
    return (
        select(schedule_job, statistics.c.last_run_time)
        .join(statistics, statistics.c.job_id == schedule_job.c.id, isouter=True)
        .where(_ALIVE)
    )


def _conditions(wanted: JobFilter) -> list[ColumnElement[bool]]:
    columns = schedule_job.c
    same = {
        columns.job_no: wanted.job_no,
        columns.job_group: wanted.group,
        columns.status: wanted.status,
        columns.engine: wanted.engine,
        columns.schedule_type: wanted.schedule_type,
        columns.handler_name: wanted.handler,
    }
    conditions = [_ALIVE, *(column == value for column, value in same.items() if value is not None)]
    if wanted.name is not None:
        conditions.append(columns.job_name.icontains(wanted.name, autoescape=True))
    return conditions


async def _completed(connection: AsyncConnection, rows: Sequence[RowMapping]) -> list[Job]:
    """The jobs in *rows*, with what other tables hold of them."""
    ids = [row["id"] for row in rows]
    configs = await _configs_of(connection, ids)
    parents = await parents_of(connection, ids)
    return [
        job_of(
            row,
            last_run_time=row["last_run_time"],
            configs=configs.get(row["id"], {}),
            depends_on=parents.get(row["id"], ()),
        )
        for row in rows
    ]


async def _configs_of(connection: AsyncConnection, ids: Sequence[int]) -> dict[int, dict[str, str]]:
    found: dict[int, dict[str, str]] = {}
    table = schedule_config.c
    query = select(table.job_id, table.config_key, table.config_value, table.secret)
    rows = await connection.execute(query.where(table.job_id.in_(ids)).order_by(table.config_key))
    for job_id, key, value, secret in rows:
        found.setdefault(job_id, {})[key] = MASK if secret else value
    return found


def _row(job: Job) -> dict[str, Any]:
    return {_COLUMN_OF.get(name, name): getattr(job, name) for name in _WRITTEN}
