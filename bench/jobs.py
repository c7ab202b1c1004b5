"""Jobs put in by SQL, many at a time, and what became of their fires."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta

import asyncpg

from bench.service import SCHEMA

_ADD = f"""
INSERT INTO {SCHEMA}.schedule_job (job_no, job_name, handler_name, params, schedule_type,
    interval_seconds, status, next_run_time)
SELECT 'JOB-' || n, 'bench ' || n, $1, $2, 'interval', $3::int, 'running',
    date_trunc('milliseconds', $4::timestamptz + n * $5::interval)
FROM generate_series(0, $6::bigint - 1) n"""
_CYCLE_S = 300
_ADD_CRONS = f"""
INSERT INTO {SCHEMA}.schedule_job (job_no, job_name, handler_name, schedule_type, cron_expression,
    status, next_run_time)
SELECT 'CRON-' || n, 'bench ' || n, 'noop', 'cron',
    format('%s %s/5 * * * ?', slot % 60, slot / 60), 'running',
    $1::timestamptz + make_interval(secs => (slot - $2::int + {_CYCLE_S}) % {_CYCLE_S})
FROM (SELECT n, n % {_CYCLE_S} AS slot FROM generate_series(0, $3::int - 1) n) frequent
UNION ALL
SELECT 'DAILY-' || n, 'bench ' || n, 'noop', 'cron',
    format('%s %s %s * * ?', n % 60, n / 60 % 60, extract(hour FROM $1 + interval '12 hours')),
    'running', date_trunc('hour', $1 + interval '12 hours') + make_interval(secs => n % 3600)
FROM generate_series(1, $4::int) n"""
_LOOK_EVERY_S = 0.25


async def add_intervals(
    sql: asyncpg.Connection,
    count: int,
    *,
    every_s: int,
    begin: datetime,
    apart: timedelta,
    handler: str = "noop",
    params: str = "",
) -> None:
    """*count* jobs, each due every *every_s* seconds, the first at *begin*, each *apart* later."""
    await sql.execute(_ADD, handler, params, every_s, begin, apart, count)
    await sql.execute(f"ANALYZE {SCHEMA}.schedule_job")


async def add_crons(
    sql: asyncpg.Connection, count: int, *, due_a_second: int, begin: datetime
) -> None:
    """*count* jobs: *due_a_second* are due in each second from *begin* on, every five minutes.

    The others are due once a day, half a day from now.
    """
    frequent = due_a_second * _CYCLE_S
    slot = int(begin.timestamp()) % _CYCLE_S
    await sql.execute(_ADD_CRONS, begin, slot, frequent, count - frequent, timeout=300)
    await sql.execute(f"VACUUM ANALYZE {SCHEMA}.schedule_job")


async def none_left(sql: asyncpg.Connection, *, until: datetime, patience_s: float) -> bool:
    """Wait until all that is due before *until* has been fired and has ended; False: in vain."""
    deadline = time.monotonic() + patience_s
    query = f"""
        SELECT NOT EXISTS (
            SELECT FROM {SCHEMA}.schedule_fire WHERE scheduled_time < $1) AND NOT EXISTS (
            SELECT FROM {SCHEMA}.schedule_job WHERE engine = 'local' AND status = 'running'
                AND deleted_at IS NULL AND next_run_time < $1)"""
    while not await sql.fetchval(query, until):
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(_LOOK_EVERY_S)
    return True


def second(ahead_s: float) -> datetime:
    """The whole second that is *ahead_s* from now."""
    return datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=ahead_s)
