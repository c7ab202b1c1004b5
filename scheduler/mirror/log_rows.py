"""Merges rows of an Admin's log into `schedule_log`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import asyncpg

from admin_bridge.console import AdminLog
from scheduler.mirror.log_entry import COLUMNS, row_of
from scheduler.mirror.progress import Progress
from scheduler.mirror.statements import MERGE_LOGS, sql
from scheduler.run_row import clean

_STAGE = (
    "CREATE TEMPORARY TABLE IF NOT EXISTS admin_rows"
    f" ({', '.join(f'{name} {kind}' for name, kind in COLUMNS.items())}) ON COMMIT DELETE ROWS"
)
_LOCK = "LOCK TABLE ONLY qooerp_scheduler.schedule_log IN SHARE ROW EXCLUSIVE MODE"
"""Keeps recorders out, not readers: else both might insert a run that neither sees yet."""
_UNKNOWN = (
    "SELECT DISTINCT admin_job_id FROM unnest($2::bigint[]) AS given (admin_job_id)"
    " WHERE NOT EXISTS (SELECT FROM qooerp_scheduler.schedule_job j"
    " WHERE j.cluster = $1::text AND j.admin_job_id = given.admin_job_id)"
)
_ADD_PARTITION = (
    "SELECT qooerp_scheduler.ensure_log_partition(day) FROM unnest($1::timestamptz[]) AS day"
)
_ATTEMPTS = """
    SELECT DISTINCT job.retry_count - given.retries_left + 1 AS attempt
    FROM pg_temp.admin_rows given JOIN qooerp_scheduler.schedule_job job
        ON job.cluster = $1::text AND job.admin_job_id = given.admin_job_id
    WHERE given.retries_left < job.retry_count ORDER BY attempt LIMIT 100"""


class Merged(NamedTuple):
    """Runs that were not known here, and those that are otherwise now."""

    added: int
    changed: int

    def __bool__(self) -> bool:
        return self.added + self.changed > 0


class LogRows:
    """The runs of one cluster; *timezone* says when a day of the statistics begins."""

    def __init__(self, cluster: str, *, timezone: str) -> None:
        self._cluster = cluster
        self._timezone = timezone

    async def merge(
        self,
        connection: asyncpg.Connection,
        logs: Sequence[AdminLog],
        *,
        now: datetime,
        progress: tuple[int, str, Progress] | None = None,
    ) -> Merged:
        """Merge *logs*, each of them once, and note *progress* of a group with its app name."""
        await self._prepare(connection, logs)
        async with connection.transaction():
            merged = await self._merge(connection, logs, now) if logs else Merged(0, 0)
            if progress is not None:
                await keep_progress(connection, self._cluster, *progress)
        return merged

    async def id_of(self, connection: asyncpg.Connection, log: AdminLog) -> int:
        """The id here of a row that was merged."""
        found: int = await connection.fetchval(
            "SELECT id FROM qooerp_scheduler.schedule_log WHERE cluster = $1 AND admin_log_id = $2"
            " AND trigger_time > $3::timestamptz - interval '1 second'"
            " AND trigger_time < $3::timestamptz + interval '1 second'",
            *(self._cluster, log.id, log.triggered_at),
        )
        return found

    async def _prepare(self, connection: asyncpg.Connection, logs: Sequence[AdminLog]) -> None:
        """Make the months and the jobs of *logs* exist, apart from what locks the log."""
        days = {log.triggered_at.date(): log.triggered_at for log in logs}
        await connection.execute(_ADD_PARTITION, list(days.values()))
        handlers = {log.job_id: clean(log.handler, 255) for log in logs}
        rows = await connection.fetch(_UNKNOWN, self._cluster, list(handlers))
        if unknown := [row[0] for row in rows]:
            names = [handlers[job] for job in unknown]
            await connection.execute(sql("unknown_jobs"), self._cluster, unknown, names)

    async def _merge(
        self, connection: asyncpg.Connection, logs: Sequence[AdminLog], now: datetime
    ) -> Merged:
        await connection.execute(_STAGE)
        rows = [row_of(log, now) for log in logs]
        await connection.copy_records_to_table("admin_rows", records=rows)
        attempts = await connection.fetch(_ATTEMPTS, self._cluster)
        times = [log.triggered_at for log in logs]
        ends = (min(times), max(times))
        await connection.execute(_LOCK)
        told = await connection.fetchrow(MERGE_LOGS, self._cluster, self._timezone, *ends)
        assert told is not None
        for row in attempts:
            await connection.execute(sql("link_retries"), self._cluster, row[0], *ends)
        return Merged(told["added"], told["changed"])


async def read_progress(connection: asyncpg.Connection, cluster: str, group_id: int) -> Progress:
    """How far the copy of the group has come."""
    row = await connection.fetchrow(sql("progress"), cluster, group_id)
    return Progress(**dict(row)) if row is not None else Progress()


async def keep_progress(
    connection: asyncpg.Connection,
    cluster: str,
    group_id: int,
    app_name: str,
    progress: Progress,
) -> None:
    """Note how far it has come."""
    await connection.execute(
        sql("keep_progress"),
        *(cluster, group_id, clean(app_name, 64), progress.logs_until, progress.newest_log_id),
        *(progress.newest_log_at, progress.wiped_at, progress.reconciled_at, progress.jobs_at),
    )
