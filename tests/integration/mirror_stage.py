"""A mirror of an Admin, step by step, in a time that passes only when it waits."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine

from scheduler.mirror.cluster import ClusterMirror
from scheduler.mirror.doors import Doors
from scheduler.mirror.timing import Timing
from scheduler.mirror_settings import MirrorSection
from tests.integration.memory_admin import T0, MemoryAdmin, MemoryAdmins

SCHEMA = "qooerp_scheduler"


@dataclass(slots=True)
class Time:
    """Everybody's time: it stands still unless somebody lets it pass."""

    start: datetime = T0
    passed_s: float = 0.0

    def now_ms(self) -> int:
        return round(self.start.timestamp() * 1000 + self.passed_s * 1000)

    def elapsed(self) -> float:
        return self.passed_s

    async def sleep(self, seconds: float) -> None:
        self.passed_s += max(seconds, 0.001)

    @property
    def now(self) -> datetime:
        return self.start + timedelta(seconds=self.passed_s)


@dataclass(slots=True)
class Stage:
    """One replica that copies the Admin `main`."""

    connection: asyncpg.Connection
    admin: MemoryAdmin
    section: MirrorSection = field(default_factory=MirrorSection)
    time: Time = field(default_factory=Time)
    timezone: str = "UTC"
    doors: Doors | None = None
    mirror: ClusterMirror = field(init=False)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Forget all that is not in PostgreSQL, as after kill -9."""
        self.mirror = ClusterMirror(
            "main",
            self.doors or MemoryAdmins(self.admin),
            self.section,
            timezone=self.timezone,
            timing=Timing(self.time, self.time.elapsed, self.time.sleep),
        )

    async def step(self) -> None:
        """One step, and the wait after it."""
        await self.time.sleep(await self.mirror.step(self.connection))

    async def go(self, seconds: float = 30) -> None:
        """Copy for so long."""
        end = self.time.passed_s + seconds
        while self.time.passed_s < end:
            await self.step()

    async def jobs(self, columns: str = "*", where: str = "true") -> list[asyncpg.Record]:
        query = f"SELECT {columns} FROM {SCHEMA}.schedule_job WHERE {where} ORDER BY id"
        return list(await self.connection.fetch(query))

    async def runs(self, columns: str = "*", where: str = "true") -> list[asyncpg.Record]:
        query = f"SELECT {columns} FROM {SCHEMA}.schedule_log WHERE {where} ORDER BY admin_log_id"
        return list(await self.connection.fetch(query))

    async def audited(self) -> list[tuple[Any, ...]]:
        query = f"SELECT actor, action, detail FROM {SCHEMA}.schedule_audit ORDER BY id"
        return [tuple(row) for row in await self.connection.fetch(query)]

    async def counted(self) -> tuple[int, int, int]:
        """Executed, succeeded, failed: the same in all three tables."""
        found = set()
        for table in ("schedule_daily", "schedule_job_daily", "schedule_job_statistics"):
            query = f"""SELECT coalesce(sum(execute_count), 0)::int, coalesce(sum(success_count), 0)::int,
                coalesce(sum(fail_count), 0)::int FROM {SCHEMA}.{table}"""
            found.add(tuple(await self.connection.fetchrow(query)))
        assert len(found) == 1, found
        executed, good, bad = found.pop()
        return executed, good, bad


async def raw(engine: AsyncEngine) -> asyncpg.Connection:
    """A plain connection of the engine's own making."""
    lent = await engine.raw_connection()
    connection: asyncpg.Connection = lent.driver_connection
    return connection
