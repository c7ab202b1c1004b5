"""Gathers what explains why a job did or did not run."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from executor.clock import Clock, moment
from executor.handler_table import HandlerTable
from scheduler import job_store
from scheduler.explain import Facts, Fire
from scheduler.job_service import found
from scheduler.run_list import RunFilter, RunList
from scheduler.tables import schedule_dependency, schedule_fire, schedule_job, schedule_replica

_MOST_FIRES = 20
_ALIVE_WITHIN = text("interval '15 seconds'")


class Explainer:
    """Reads the tables of the engine, and changes nothing."""

    def __init__(
        self, engine: AsyncEngine, runs: RunList, clock: Clock, *, handlers: HandlerTable | None
    ) -> None:
        """*handlers* are those of the executor here; None: there is none."""
        self._engine = engine
        self._runs = runs
        self._clock = clock
        self._handlers = handlers

    async def facts(self, job_id: int) -> Facts:
        """What is known of the job now. Raise NotFound."""
        async with self._engine.connect() as connection:
            job = found(await job_store.find(connection, job_id), job_id)
            note = await connection.scalar(
                select(schedule_job.c.schedule_note).where(schedule_job.c.id == job_id)
            )
            fires = await _fires(connection, job_id)
            awaited = await _awaited(connection, job_id)
            engines = await _engines(connection)
        newest = await self._runs.page(RunFilter(job_id=job_id), size=1)
        return Facts(
            job=job,
            note=str(note or ""),
            fires=fires,
            awaited=awaited,
            engines=engines,
            has_handler=self._has(job.handler),
            last_run=newest[0] if newest else None,
            now=moment(self._clock.now_ms()),
        )

    def _has(self, name: str) -> bool:
        return self._handlers is None or any(one.name == name for one in self._handlers)


async def _fires(connection: AsyncConnection, job_id: int) -> Sequence[Fire]:
    table = schedule_fire.c
    columns = [table[name] for name in Fire.__dataclass_fields__]
    query = select(*columns).where(table.job_id == job_id)
    rows = await connection.execute(query.order_by(table.fire_time, table.id).limit(_MOST_FIRES))
    return [Fire(**row) for row in rows.mappings()]


async def _awaited(connection: AsyncConnection, job_id: int) -> Sequence[int]:
    table, parent = schedule_dependency.c, schedule_job.c
    query = (
        select(table.parent_id)
        .join(schedule_job, parent.id == table.parent_id)
        .where(table.job_id == job_id, table.succeeded_at.is_(None))
        .where(parent.deleted_at.is_(None) | table.log_id.is_(None))
    )
    return list(await connection.scalars(query.order_by(table.parent_id)))


async def _engines(connection: AsyncConnection) -> int:
    query = select(func.count()).where(schedule_replica.c.heartbeat_at > func.now() - _ALIVE_WITHIN)
    return int(await connection.scalar(query) or 0)
