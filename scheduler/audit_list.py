"""The audit, read back: newest first, by cursor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from scheduler.tables import schedule_audit


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
    engine: AsyncEngine, *, size: int, before: int | None, subject_id: int | None
) -> Sequence[Change]:
    """At most *size* changes before the one of id *before*; of one subject, or of all."""
    table = schedule_audit
    query = select(table).order_by(table.c.id.desc()).limit(size)
    if before is not None:
        query = query.where(table.c.id < before)
    if subject_id is not None:
        query = query.where(table.c.subject == "job", table.c.subject_id == subject_id)
    async with engine.connect() as connection:
        return [Change(**row) for row in (await connection.execute(query)).mappings()]
