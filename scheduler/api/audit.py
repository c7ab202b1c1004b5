"""The endpoint of the audit."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field, JsonValue
from sqlalchemy.ext.asyncio import AsyncEngine

from scheduler.api.cursor import read_cursor, write_cursor
from scheduler.api.endpoint import Role, get
from scheduler.api.errors import named
from scheduler.api.shapes import Id, Page, Paging, Told
from scheduler.audit_list import Change, changes


class AuditQuery(Paging):
    job_id: Id | None = Field(None, description="Only what was done to this job or its configs.")


def _renamed(detail: Mapping[str, Any]) -> dict[str, Any]:
    """*detail*, in which what has changed is called as the API calls it."""
    if "changed" not in detail:
        return dict(detail)
    return {**detail, "changed": sorted(map(named, detail["changed"]))}


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
    detail: Annotated[dict[str, JsonValue], BeforeValidator(_renamed)]


class Audit:
    """Who changed what."""

    def __init__(self, engine: AsyncEngine, *, timezone: str) -> None:
        self._engine = engine
        self._zone = ZoneInfo(timezone)

    @get("/audit", role=Role.ADMIN)
    async def find(self, query: AuditQuery) -> Page[ChangeTold]:
        """List changes, newest first: all, or those of a job and its configs."""
        before = read_cursor(query.cursor, 1)[0] if query.cursor else None
        found, total = await changes(
            self._engine, size=query.reads, skip=query.skip, before=before, job_id=query.job_id
        )
        return Page[ChangeTold].of(
            found, total, query, told=self._told, cursor=lambda one: write_cursor(one.id)
        )

    def _told(self, change: Change) -> ChangeTold:
        return ChangeTold.model_validate(change).in_zone(self._zone)
