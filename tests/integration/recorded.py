"""What is recorded, read from the tables."""

from __future__ import annotations

import asyncpg

from scheduler.database import SCHEMA


async def rows(
    sql: asyncpg.Connection, columns: str = "*", order: str = "id"
) -> list[asyncpg.Record]:
    query = f"SELECT {columns} FROM {SCHEMA}.schedule_log ORDER BY {order}"
    return list(await sql.fetch(query))


async def states(sql: asyncpg.Connection) -> list[str]:
    return [row[0] for row in await rows(sql, "status")]


async def counts(sql: asyncpg.Connection, table: str = "schedule_daily") -> tuple[int, ...]:
    """What was counted altogether: executed, succeeded, failed, timed out, discarded, ms."""
    return tuple(
        await sql.fetchrow(
            f"""SELECT coalesce(sum(execute_count), 0)::int, coalesce(sum(success_count), 0)::int, coalesce(sum(fail_count), 0)::int,
                coalesce(sum(timeout_count), 0)::int, coalesce(sum(discard_count), 0)::int, coalesce(sum(duration_sum_ms), 0)::int
            FROM {SCHEMA}.{table}"""
        )
    )


async def everything_counted(sql: asyncpg.Connection) -> tuple[int, ...]:
    """The counts, which must be the same in all three tables."""
    tables = ("schedule_daily", "schedule_job_daily", "schedule_job_statistics")
    found = {await counts(sql, table) for table in tables}
    assert len(found) == 1, found
    return found.pop()
