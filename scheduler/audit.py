"""Who changed what, and when: a row for each change, in the transaction of the change."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass

from sqlalchemy import insert, update
from sqlalchemy.ext.asyncio import AsyncConnection

from scheduler.tables import schedule_audit


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who is at work."""

    name: str
    role: str = ""
    address: str = ""
    """Where the request came from; empty: from within."""


_SERVICE = Actor(name="service")

acting: ContextVar[Actor] = ContextVar("acting", default=_SERVICE)
"""Set for each request by the API; what runs on its behalf finds it here."""


async def record(
    connection: AsyncConnection,
    action: str,
    *,
    subject: str,
    subject_id: int | None = None,
    detail: Mapping[str, object] | None = None,
) -> int:
    """Note that the acting one does *action* to *subject*; the row's id.

    *detail* holds no secrets.
    """
    actor = acting.get()
    query = insert(schedule_audit).values(
        actor=actor.name,
        role=actor.role,
        address=actor.address,
        action=action,
        subject=subject,
        subject_id=subject_id,
        detail=dict(detail or {}),
    )
    return int((await connection.execute(query.returning(schedule_audit.c.id))).scalar_one())


async def complete(connection: AsyncConnection, row_id: int, detail: Mapping[str, object]) -> None:
    """Add to a row what was not known when it was written."""
    table = schedule_audit
    query = update(table).where(table.c.id == row_id)
    await connection.execute(query.values(detail=table.c.detail.concat(dict(detail))))
