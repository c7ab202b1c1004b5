from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine

from executor.model import RunState
from scheduler.database import SCHEMA
from scheduler.run_list import Place, RunFilter, RunList

T0 = datetime(2026, 9, 29, tzinfo=UTC)
STATES = list(RunState)
_ADD = f"""
    INSERT INTO {SCHEMA}.schedule_log (id, cluster, admin_log_id, trigger_time, scheduled_time,
        job_id, trigger_type, status)
    SELECT id, 'local', id, at, at, job_id, 'api', status
    FROM unnest($1::bigint[], $2::timestamptz[], $3::bigint[], $4::text[]) AS r (id, at, job_id, status)"""

Row = tuple[int, datetime, int, str]


async def filled(sql: asyncpg.Connection, count: int) -> list[Row]:
    """Runs of three jobs in two months, many at the same moment; newest first."""
    chance = random.Random(1)
    rows = [
        (
            number,
            T0 + timedelta(hours=chance.randrange(72)),
            chance.randrange(1, 4),
            chance.choice(STATES).value,
        )
        for number in range(1, count + 1)
    ]
    for month in (T0, T0 + timedelta(days=3)):
        await sql.execute(f"SELECT {SCHEMA}.ensure_log_partition($1)", month)
    await sql.execute(_ADD, *zip(*rows, strict=True))
    return sorted(rows, key=lambda row: (row[1], row[0]), reverse=True)


FILTERS = (
    RunFilter(),
    RunFilter(job_id=1),
    RunFilter(job_id=9),
    RunFilter(status=RunState.KILLED),
    RunFilter(job_id=2, status=RunState.FAILED),
    RunFilter(start_time=T0 + timedelta(hours=10), end_time=T0 + timedelta(hours=60)),
    RunFilter(job_id=3, end_time=T0 + timedelta(hours=50)),
    RunFilter(job_id=3, status=RunState.SUCCEEDED, start_time=T0 + timedelta(hours=50)),
)


def fits(row: Row, wanted: RunFilter) -> bool:
    _, at, job_id, status = row
    return (
        wanted.job_id in (None, job_id)
        and wanted.status in (None, status)
        and (wanted.start_time or at) <= at <= (wanted.end_time or at)
    )


async def test_every_list_has_each_run_once_in_order_by_page_and_by_cursor(
    engine: AsyncEngine, sql: asyncpg.Connection
) -> None:
    rows = await filled(sql, 400)
    runs = RunList(engine)
    for wanted in FILTERS:
        expected = [row[0] for row in rows if fits(row, wanted)]
        by_page, by_cursor, after = list[int](), list[int](), None
        for skip in range(0, len(expected) + 7, 7):
            by_page += [run.id for run in await runs.page(wanted, size=7, skip=skip)]
            page = await runs.page(wanted, size=7, after=after)
            by_cursor += [run.id for run in page]
            after = Place(page[-1].trigger_time, page[-1].id) if page else after

        assert by_page == by_cursor == expected, wanted
        _, total = await runs.counted_page(wanted, size=7)
        assert total == (len(expected), True)
