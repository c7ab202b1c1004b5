"""The audit, read back: newest first, by page or by cursor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncEngine

from scheduler.lists import Total, counted, listing, refuse_deep
from scheduler.tables import schedule_audit

_OF_JOBS = ("job", "config")
"""Subjects whose id is that of a job."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Somebody has done something to something."""

    id: int
    at: datetime
    actor: str
    role: str
    address: str
    action: str
    subject: str
    subject_id: int | None
    detail: Mapping[str, object]


async def changes(
    engine: AsyncEngine, *, size: int, skip: int, before: int | None, job_id: int | None
) -> tuple[Sequence[Change], Total]:
    """At most *size* changes from *skip* on, or before the one of id *before*; of a job, or of all.

    Those of a job are also those of its configs. Raises Invalid where a page lies too deep.
    """
    table = schedule_audit
    wanted = _wanted(job_id)
    query = select(table).where(*wanted).order_by(table.c.id.desc()).limit(size)
    if before is None:
        refuse_deep(skip)
        query = query.offset(skip)
    else:
        query = query.where(table.c.id < before)
    async with listing(engine) as connection:
        rows = (await connection.execute(query)).mappings()
        total = await counted(connection, select(table.c.id).where(*wanted))
        return [Change(**row) for row in rows], total


def _wanted(job_id: int | None) -> Sequence[ColumnElement[bool]]:
    table = schedule_audit.c
    return () if job_id is None else (table.subject.in_(_OF_JOBS), table.subject_id == job_id)
