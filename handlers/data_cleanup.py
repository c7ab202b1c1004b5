"""Drops what is too old to be kept: months of runs, alarms and their messages, the audit."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Annotated

import asyncpg
from pydantic import BaseModel, Field

from executor import JobContext, job_handler
from handlers.database import connected

_MONTHS = """\
SELECT month.relname AS name, pg_get_expr(month.relpartbound, month.oid) AS bounds
FROM pg_inherits link JOIN pg_class month ON month.oid = link.inhrelid
WHERE link.inhparent = 'qooerp_scheduler.schedule_log'::regclass
ORDER BY month.relname
"""
_END = re.compile(r"FROM \('[^']+'\) TO \('([^']+)'\)")
"""In the bounds of a month; those of the first and last partition lack a date on one side."""
_COUNT = """\
SELECT (SELECT count(*) FROM qooerp_scheduler.schedule_notify WHERE create_time < $1),
    (SELECT count(*) FROM qooerp_scheduler.schedule_audit WHERE at < $2)
"""
_TOLD = ("schedule_notify", "schedule_delivery", "schedule_message")
"""Alarms, the messages that went out, and those in the page."""
_DELETE = """\
DELETE FROM qooerp_scheduler.{table} WHERE id IN (
    SELECT id FROM qooerp_scheduler.{table} WHERE {time} < $1 ORDER BY {time}, id LIMIT 5000)
"""

Days = Annotated[int, Field(ge=1, le=36_500)]


class CleanupParams(BaseModel):
    """What is kept: `{"keep_log_days": 30}`, or `keep_log_days=30`, or nothing."""

    keep_log_days: Days = Field(90, description="Runs; a month goes when all of it is older.")
    keep_notify_days: Days = Field(180, description="Alarms and messages.")
    keep_audit_days: Days = Field(365, description="Who changed or executed what.")
    dry_run: bool = Field(False, description="Only say what would go.")


@job_handler("dataCleanup", idempotent=True)
async def data_cleanup(ctx: JobContext, params: CleanupParams) -> str:
    """Drop months of runs, alarms and the audit that are older than they are to be kept.

    Statistics stay: they are small, and were counted when the runs ended.
    """
    async with connected(ctx) as connection:
        now: datetime = await connection.fetchval("SELECT now()")
        months = await _old_months(connection, now - timedelta(params.keep_log_days))
        told, done = (
            now - timedelta(days) for days in (params.keep_notify_days, params.keep_audit_days)
        )
        if params.dry_run:
            counted = await connection.fetchrow(_COUNT, told, done)
            return f"would drop {_named(months, *counted)}"
        for month in months:
            await _drop(connection, month)
            ctx.log.info("dropped %s", month)
        alarms, *_ = [await _delete(ctx, connection, table, told) for table in _TOLD]
        changes = await _delete(ctx, connection, "schedule_audit", done, time="at")
    return f"dropped {_named(months, alarms, changes)}"


def _named(months: list[str], alarms: int, changes: int) -> str:
    runs = ", ".join(months) or "no month of runs"
    return f"{runs}, {alarms} alarms and {changes} rows of the audit"


async def _old_months(connection: asyncpg.Connection, before: datetime) -> list[str]:
    """The partitions whose runs were all triggered *before*."""
    months = [
        (name, end.group(1))
        for name, bounds in await connection.fetch(_MONTHS)
        if (end := _END.fullmatch(bounds.removeprefix("FOR VALUES ")))
    ]
    return [name for name, end in months if datetime.fromisoformat(end) <= before]


async def _drop(connection: asyncpg.Connection, month: str) -> None:
    async with connection.transaction():
        # who cannot have the lock soon gives up: everybody else would queue behind it
        await connection.execute("SET LOCAL lock_timeout = '5s'")
        await connection.execute(f'DROP TABLE IF EXISTS qooerp_scheduler."{month}"')


async def _delete(
    ctx: JobContext,
    connection: asyncpg.Connection,
    table: str,
    before: datetime,
    *,
    time: str = "create_time",
) -> int:
    """Delete some rows at a time, so that nobody waits for long; how many."""
    deleted, query = 0, _DELETE.format(table=table, time=time)
    while some := int((await connection.execute(query, before)).removeprefix("DELETE ")):
        deleted += some
        ctx.log.info("deleted %s rows of %s", deleted, table)
    return deleted
