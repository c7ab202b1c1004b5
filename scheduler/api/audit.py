"""The endpoint of the audit."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field, JsonValue
from sqlalchemy.ext.asyncio import AsyncEngine

from scheduler.api.cursor import read_cursor, write_cursor
from scheduler.api.endpoint import Role, get
from scheduler.api.shapes import Given, Id, Told
from scheduler.audit_list import changes


class AuditQuery(Given):
    job_id: Id | None = None
    size: Annotated[int, Field(ge=1, le=500)] = 50
    cursor: Annotated[str | None, Field(max_length=200)] = None


class ChangeTold(Told):
    """Who did what, when and from where."""

    id: int
    at: datetime
    actor: str = Field(description="The name of the token.")
    role: str
    address: str
    action: str
    subject: str = Field(description="The kind of thing it was done to.")
    subject_id: int | None
    detail: dict[str, JsonValue]


class ChangesTold(Told):
    records: list[ChangeTold]
    cursor: str | None = Field(description="Asks for what follows; null: nothing does.")


class Audit:
    """Who changed what."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    @get("/audit", role=Role.ADMIN)
    async def find(self, query: AuditQuery) -> ChangesTold:
        """List changes, newest first: all, or those of a job."""
        before = read_cursor(query.cursor, 1)[0] if query.cursor else None
        found = await changes(self._engine, size=query.size, before=before, subject_id=query.job_id)
        more = write_cursor(found[-1].id) if len(found) == query.size else None
        return ChangesTold(records=[ChangeTold.model_validate(one) for one in found], cursor=more)
