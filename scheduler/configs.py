"""Configs of jobs: set, read and deleted by people, read by handlers as `ctx.config`."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, delete, func, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from scheduler import audit
from scheduler.changes import announce
from scheduler.job_store import MASK
from scheduler.refusal import Conflict, Invalid, NotFound
from scheduler.secret_box import SecretBox
from scheduler.tables import schedule_config, schedule_job

MOST_KEYS = 200
"""Configs of one job."""
MOST_VALUE = 65_535
"""Characters of a value."""
_KEY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:/-]{0,127}")
_MOST_DESCRIPTION = 2000

Changed = Callable[[int], Awaitable[None]]
"""Told the id of the job whose configs have changed; does not raise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """A row of `schedule_config`, as people see it."""

    job_id: int
    timezone: str
    """The job's."""
    key: str
    value: str
    """The mask when it is secret."""
    description: str = ""
    secret: bool = False
    create_time: datetime
    update_time: datetime


class ConfigService:
    """Every change is one transaction, which is audited and announced."""

    def __init__(
        self, engine: AsyncEngine, secrets: SecretBox, *, changed: Changed | None = None
    ) -> None:
        """*changed* is awaited after each commit: when it is done, no cache has the old ones."""
        self._engine = engine
        self._secrets = secrets
        self._changed = changed

    async def set(
        self,
        job_id: int,
        key: str,
        value: str,
        *,
        description: str | None = None,
        secret: bool = False,
    ) -> Config:
        """Add or change a config; without *description* it keeps the one it has.

        Once secret, it stays so until it is deleted.

        Raises Invalid, NotFound for the job, and Conflict when it has too many.
        """
        _check(key, value, description or "")
        async with self._engine.begin() as connection:
            timezone = await _lock_job(connection, job_id)
            known = await _secrecy(connection, job_id)
            if key not in known and len(known) >= MOST_KEYS:
                raise Conflict(
                    f"job {job_id} has {MOST_KEYS} configs already, the most it may have"
                )
            secret = secret or known.get(key, False)
            stored = self._secrets.seal(value, _place(job_id, key)) if secret else value
            values = {"job_id": job_id, "config_key": key, "config_value": stored, "secret": secret}
            if description is not None:
                values["description"] = description
            config = _config_of(await _upsert(connection, values), timezone)
            await _note(connection, "set", job_id, key)
        await self._tell(job_id)
        return config

    async def delete(self, job_id: int, key: str) -> None:
        """Delete a config. Raise NotFound."""
        table = schedule_config
        query = delete(table).where(table.c.job_id == job_id, table.c.config_key == key)
        async with self._engine.begin() as connection:
            if not (await connection.execute(query)).rowcount:
                raise NotFound("config", f"{key} of job {job_id}")
            await _note(connection, "delete", job_id, key)
        await self._tell(job_id)

    async def of_job(self, job_id: int) -> list[Config]:
        """The job's configs by key; none of an unknown job."""
        return await self._select(schedule_config.c.job_id == job_id)

    async def by_key(self, key: str) -> list[Config]:
        """Every job's config of this key, by job."""
        return await self._select(schedule_config.c.config_key == key)

    async def many(self, job_ids: Iterable[int]) -> dict[int, list[Config]]:
        """The configs of each of *job_ids*, by key."""
        found: dict[int, list[Config]] = {job_id: [] for job_id in job_ids}
        for config in await self._select(schedule_config.c.job_id.in_(found)):
            found[config.job_id].append(config)
        return found

    async def _select(self, condition: ColumnElement[bool]) -> list[Config]:
        table = schedule_config
        jobs = schedule_job.c
        query = select(table, jobs.timezone).join(schedule_job, jobs.id == table.c.job_id)
        query = query.where(condition).order_by(table.c.job_id, table.c.config_key)
        async with self._engine.connect() as connection:
            return [_config_of(row, row.timezone) for row in await connection.execute(query)]

    async def _tell(self, job_id: int) -> None:
        if self._changed is not None:
            await self._changed(job_id)


def revealed(
    rows: Iterable[tuple[str, str, bool]], job_id: int, secrets: SecretBox
) -> dict[str, str]:
    """What a handler reads of stored *rows*: key, value, secret. Raise Unsealable."""
    return {
        key: secrets.open(value, _place(job_id, key)) if secret else value
        for key, value, secret in rows
    }


def _check(key: str, value: str, description: str) -> None:
    if not _KEY.fullmatch(key):
        raise Invalid("config_key", "has to be 1 to 128 letters, digits or any of _.:/-")
    if len(value) > MOST_VALUE:
        raise Invalid("config_value", f"has more than {MOST_VALUE} characters")
    if value == MASK:
        raise Invalid("config_value", f"{MASK} stands for a secret: give the value itself")
    if len(description) > _MOST_DESCRIPTION:
        raise Invalid("description", f"has more than {_MOST_DESCRIPTION} characters")
    for field, text in (("config_value", value), ("description", description)):
        if "\0" in text:
            raise Invalid(field, "contains the character NUL, which PostgreSQL cannot store")


async def _lock_job(connection: AsyncConnection, job_id: int) -> str:
    """Its zone."""
    table = schedule_job.c
    query = select(table.timezone).where(table.id == job_id, table.deleted_at.is_(None))
    timezone = await connection.scalar(query.with_for_update(key_share=True))
    if timezone is None:
        raise NotFound("job", job_id)
    return str(timezone)


async def _secrecy(connection: AsyncConnection, job_id: int) -> Mapping[str, bool]:
    """Whether each of the job's configs is secret."""
    table = schedule_config.c
    rows = await connection.execute(
        select(table.config_key, table.secret).where(table.job_id == job_id)
    )
    return {row.config_key: row.secret for row in rows}


async def _upsert(connection: AsyncConnection, values: Mapping[str, Any]) -> Row[Any]:
    table = schedule_config
    query = upsert(table).values(dict(values))
    changes = {name: query.excluded[name] for name in values.keys() - {"job_id", "config_key"}}
    query = query.on_conflict_do_update(
        constraint="schedule_config_key", set_=changes | {"update_time": func.now()}
    )
    row: Row[Any] = (await connection.execute(query.returning(table))).one()
    return row


async def _note(connection: AsyncConnection, action: str, job_id: int, key: str) -> None:
    await audit.record(connection, action, subject="config", subject_id=job_id, detail={"key": key})
    await announce(connection, "config", job_id)


def _place(job_id: int, key: str) -> str:
    """What a secret is bound to: in another row it does not open."""
    return f"{job_id}/{key}"


def _config_of(row: Row[Any], timezone: str) -> Config:
    return Config(
        job_id=row.job_id,
        timezone=timezone,
        key=row.config_key,
        value=MASK if row.secret else row.config_value,
        description=row.description,
        secret=row.secret,
        create_time=row.create_time,
        update_time=row.update_time,
    )
