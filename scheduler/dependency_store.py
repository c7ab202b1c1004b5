"""Which jobs depend on which, in PostgreSQL, on a connection that the caller has opened."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Select, delete, func, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from scheduler.engine.dag import find_cycle
from scheduler.job import Engine, Job
from scheduler.refusal import Invalid
from scheduler.tables import schedule_dependency, schedule_job

_TURN = 0x716F6F6572700002
"""Key of the advisory lock."""


async def set_parents(connection: AsyncConnection, job_id: int, parents: Sequence[int]) -> None:
    """Make *parents* the jobs it depends on; what is known of those that stay is kept."""
    table = schedule_dependency
    await connection.execute(
        delete(table).where(table.c.job_id == job_id, table.c.parent_id.not_in(parents))
    )
    if parents:
        rows = [{"job_id": job_id, "parent_id": parent} for parent in sorted(set(parents))]
        await connection.execute(upsert(table).values(rows).on_conflict_do_nothing())


async def take_turn(connection: AsyncConnection) -> None:
    """Let nobody else add dependencies, or delete what they name, until the end.

    Two halves of a circle could meet, and a job be made to wait for one that is just going.

    To be asked for before the row of a job is locked.
    """
    await connection.execute(select(func.pg_advisory_xact_lock(_TURN)))


async def check(connection: AsyncConnection, job: Job, *, known: Sequence[int] = ()) -> None:
    """Raise Invalid unless *job* can wait for what it names beside those *known*, without a circle."""
    if not (added := set(job.depends_on) - set(known)):
        return
    await take_turn(connection)  # before they are looked up
    table = schedule_job.c
    query = select(table.id, table.engine).where(table.id.in_(added), table.deleted_at.is_(None))
    found = {row.id: row.engine for row in await connection.execute(query)}
    if unknown := sorted(added - found.keys()):
        raise Invalid("depends_on", f"there is no job {', '.join(map(str, unknown))}")
    if foreign := sorted(one for one in found if found[one] != Engine.LOCAL):
        some = ", ".join(map(str, foreign))
        raise Invalid("depends_on", f"job {some} is an Admin's, whose runs nothing waits for")
    cycle = find_cycle(await all_parents(connection), job.id, job.depends_on)
    if job.id and cycle:
        raise Invalid("depends_on", f"this makes a circle: {' → '.join(map(str, cycle))}")


async def all_parents(connection: AsyncConnection) -> dict[int, tuple[int, ...]]:
    """For each living job that depends on others: on which."""
    return await parents_of(
        connection, select(schedule_job.c.id).where(schedule_job.c.deleted_at.is_(None))
    )


async def parents_of(
    connection: AsyncConnection, ids: Sequence[int] | Select[tuple[int]]
) -> dict[int, tuple[int, ...]]:
    """For each of *ids* that depends on others: on which."""
    found: dict[int, tuple[int, ...]] = {}
    table = schedule_dependency.c
    query = select(table.job_id, table.parent_id).where(table.job_id.in_(ids))
    for job_id, parent in await connection.execute(query.order_by(table.parent_id)):
        found[job_id] = (*found.get(job_id, ()), parent)
    return found


async def children_of(connection: AsyncConnection, job_id: int) -> Sequence[int]:
    """The living jobs that depend on this one."""
    table = schedule_dependency.c
    query = select(table.job_id).join(schedule_job, schedule_job.c.id == table.job_id)
    alive = schedule_job.c.deleted_at.is_(None)
    return list(
        await connection.scalars(
            query.where(table.parent_id == job_id, alive).order_by(table.job_id)
        )
    )
