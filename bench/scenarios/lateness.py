"""How late fires begin: a hundred thousand cron jobs, of which a few hundred are due each second."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta

import asyncpg

from bench.jobs import add_crons, none_left, second
from bench.ledger import percentile
from bench.scenario import Cell, Figure, Row, Scenario
from bench.service import SCHEMA, Server, migrated, only_ours, postgres, service
from bench.target import Running, Target

JOBS = 100_000
DUE_A_SECOND = 300
_BEGIN_S = 20

_Fire = tuple[int, datetime]
"""A job's id and a time at which it is due."""


async def measure(target: Target, quick: bool) -> Row:
    del target
    seconds = 15 if quick else 60
    async with postgres() as server, migrated(server) as sql:
        begin = second(_BEGIN_S)
        await add_crons(sql, JOBS, due_a_second=DUE_A_SECOND, begin=begin)
        asked = await _asked(sql, begin + timedelta(seconds=seconds))
        with service(server) as started:
            await started.ready()
            cells = await _load(server, started, begin, seconds)
            await none_left(sql, until=begin + timedelta(seconds=seconds), patience_s=20)
        return _judge(asked, await _fired(sql, begin, seconds), cells)


async def _asked(sql: asyncpg.Connection, end: datetime) -> set[_Fire]:
    """What is to be fired before *end*: no job twice."""
    query = f"SELECT id, next_run_time FROM {SCHEMA}.schedule_job WHERE next_run_time < $1"
    return {(job_id, due) for job_id, due in await sql.fetch(query, end)}


async def _load(server: Server, started: Running, begin: datetime, seconds: int) -> dict[str, Cell]:
    """Let *seconds* from *begin* go by; what they cost."""
    await asyncio.sleep((begin - datetime.now(UTC)).total_seconds())
    used, stored = started.cpu_seconds(), server.cpu_seconds()
    await asyncio.sleep(seconds)
    return {
        "service: share of a core": (started.cpu_seconds() - used) / seconds,
        "PostgreSQL: share of a core": (server.cpu_seconds() - stored) / seconds,
    }


async def _fired(
    sql: asyncpg.Connection, begin: datetime, seconds: int
) -> list[tuple[_Fire, float]]:
    """Each recorded fire with the seconds by which it began late."""
    rows = await sql.fetch(
        f"""SELECT job_id, scheduled_time, extract(epoch FROM start_time - scheduled_time)::float8
        FROM {SCHEMA}.schedule_log
        WHERE scheduled_time >= $1 AND scheduled_time < $2 AND status = 'succeeded'""",
        *(begin, begin + timedelta(seconds=seconds)),
    )
    return [((job_id, due), late_s) for job_id, due, late_s in rows]


def _judge(asked: set[_Fire], fired: list[tuple[_Fire, float]], cells: dict[str, Cell]) -> Row:
    times = Counter(fire for fire, _ in fired)
    late_ms = [late_s * 1000 for _, late_s in fired]
    lost, doubled = len(asked - times.keys()), len(fired) - len(times)
    strange = len(times.keys() - asked)
    cells = {
        "asked for": len(asked),
        "fired": len(fired),
        "late by p50 ms": percentile(late_ms, 0.5),
        "p99 ms": percentile(late_ms, 0.99),
        "max ms": max(late_ms, default=0.0),
        **cells,
        "lost": lost,
        "doubled": doubled,
        "not asked for": strange,
    }
    figures = (
        Figure("lateness p99", percentile(late_ms, 0.99), "ms", 100),
        Figure("lost or doubled", lost + doubled, "fires", 0),
    )
    return Row(cells, figures, faults=lost + doubled + strange)


SCENARIO = Scenario(
    name="lateness",
    title=f"Lateness of fires: {JOBS:,} cron jobs, {DUE_A_SECOND} due each second",
    bar="p99 ≤ 100 ms; 0 lost, 0 doubled",
    measure=measure,
    takes=only_ours,
    pinned=False,
)
