"""Keeps the copy of every Admin: one replica a cluster, as long as the service lives."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

import asyncpg
import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from admin_bridge.console import AdminJob, AdminLog
from executor.outbox import pause_s
from scheduler.engine.link import DatabaseAway, lent
from scheduler.mirror.cluster import ClusterMirror
from scheduler.mirror.doors import Doors
from scheduler.mirror.job_entry import Place
from scheduler.mirror.job_rows import asked_now, copy_jobs, drop_job
from scheduler.mirror.log_rows import LogRows
from scheduler.mirror.timing import Timing
from scheduler.mirror_settings import MirrorSection
from scheduler.xxl.admins import Admin, find_job

_log = structlog.get_logger(__name__)
_LOCK = 0x716D6972
"""First half of the key of the advisory locks; the second is the cluster's name, hashed."""
_ASK_AGAIN_S = 5.0
"""Between two attempts to be the one who copies a cluster."""
_BUG_PAUSE_S = 30.0
_MIRRORED = """\
INSERT INTO qooerp_scheduler.schedule_mirror (cluster, group_id) VALUES ($1, $2)
ON CONFLICT DO NOTHING
"""
"""Has recorders look for rows of the mirror, even where nothing is copied but what is asked for."""
_Task = asyncio.Task[None]


class Mirror:
    """Copies the clusters named in *clusters*; and single things at once, when somebody asks."""

    def __init__(
        self,
        engine: AsyncEngine,
        consoles: Doors,
        *,
        clusters: Sequence[str],
        section: MirrorSection,
        timezone: str,
        timing: Timing | None = None,
    ) -> None:
        self._engine = engine
        self._consoles = consoles
        self._clusters = clusters if section.enabled else ()
        self._section = section
        self._timezone = timezone
        self._timing = timing or Timing()
        self._tasks: list[_Task] = []

    def start(self, ready: asyncio.Event, watch: Callable[[_Task], None]) -> None:
        """Begin once the schema is there; *watch* is told when a loop has ended."""
        for cluster in self._clusters:
            task = asyncio.create_task(self._run(cluster, ready))
            task.add_done_callback(watch)
            self._tasks.append(task)

    def tune(self, section: MirrorSection) -> None:
        """Go on with other rates and sizes; whether it copies at all stays as it was."""
        self._section = section

    async def stop(self) -> None:
        """Copy nothing more; what is half read is read again by whoever comes next."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def refresh_job(
        self, cluster: str, admin_job_id: int, *, audited: bool = False
    ) -> int | None:
        """Copy a job as it is now; its id here, None when the Admin has it no more.

        *audited*: people have changed it there; else who asks for this has. Raises ConsoleError.
        """
        admin = await self._consoles.admin(cluster)
        async with lent(self._engine) as connection:
            asked = await asked_now(connection)
        job = await find_job(admin.console, await self._consoles.group_ids(cluster), admin_job_id)
        async with lent(self._engine) as connection:
            if job is not None:
                return await _copied(connection, admin, job, asked=asked, audited=audited)
            await drop_job(connection, cluster, admin_job_id, asked=asked)
            return None

    async def keep_job(self, cluster: str, job: AdminJob) -> int | None:
        """Copy a job as it must be there now, when the Admin cannot be asked; its id here."""
        admin = await self._consoles.admin(cluster)
        async with lent(self._engine) as connection:
            asked = await asked_now(connection)
            return await _copied(connection, admin, job, asked=asked, audited=False)

    async def record_log(self, cluster: str, log: AdminLog) -> int:
        """See that a row of the Admin's log is recorded here; its id here."""
        rows = LogRows(cluster, timezone=self._timezone)
        async with lent(self._engine) as connection:
            await connection.execute(_MIRRORED, cluster, log.group_id)
            await rows.merge(connection, [log], now=self._timing.now())
            return await rows.id_of(connection, log)

    async def _run(self, cluster: str, ready: asyncio.Event) -> None:
        await ready.wait()
        failures = 0
        while True:
            try:
                async with self._alone(cluster) as connection:
                    if connection is not None:
                        failures = 0
                        await self._keep(cluster, connection)
            except DatabaseAway as reason:
                failures += 1
                _log.info("mirror_without_database", cluster=cluster, reason=str(reason))
                await self._timing.sleep(pause_s(failures))
            except Exception:  # noqa: BLE001 - no mistake may end the copying for good
                _log.exception("mirror_stumbled", cluster=cluster)
                await self._timing.sleep(_BUG_PAUSE_S)
            else:
                await self._timing.sleep(_ASK_AGAIN_S)

    async def _keep(self, cluster: str, connection: asyncpg.Connection) -> None:
        _log.info("mirror_begins", cluster=cluster)
        while True:
            await self._keep_as(self._section, cluster, connection)

    async def _keep_as(
        self, section: MirrorSection, cluster: str, connection: asyncpg.Connection
    ) -> None:
        """Keep copying until the settings are others."""
        mirror = ClusterMirror(
            cluster, self._consoles, section, timezone=self._timezone, timing=self._timing
        )
        while section is self._section:
            wait_s = await mirror.step(connection)
            await self._timing.sleep(wait_s)
            await connection.fetchval("SELECT 1")  # the lock lives as long as the connection

    @asynccontextmanager
    async def _alone(self, cluster: str) -> AsyncIterator[asyncpg.Connection | None]:
        """A connection with which only we copy *cluster*; None: somebody else does."""
        async with lent(self._engine) as connection:
            query = "SELECT pg_try_advisory_lock($1, hashtext($2))"
            if not await connection.fetchval(query, _LOCK, cluster):
                yield None
                return
            yield connection  # until it fails, or we are to end: the lock goes with the connection


async def _copied(
    connection: asyncpg.Connection, admin: Admin, job: AdminJob, *, asked: datetime, audited: bool
) -> int | None:
    place = Place(cluster=admin.cluster, app_name=admin.app_name, timezone=admin.timezone)
    copied = await copy_jobs(connection, [job], place, asked=asked, audited=audited)
    if job.id in copied.ids:
        return copied.ids[job.id]
    return await _id_of(connection, admin.cluster, job.id)


async def _id_of(connection: asyncpg.Connection, cluster: str, admin_job_id: int) -> int | None:
    found: int | None = await connection.fetchval(
        "SELECT id FROM qooerp_scheduler.schedule_job"
        " WHERE cluster = $1 AND admin_job_id = $2 AND deleted_at IS NULL",
        *(cluster, admin_job_id),
    )
    return found
