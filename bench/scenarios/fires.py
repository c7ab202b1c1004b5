"""Sustained fires: more become due than can be fired, and we look how many have been recorded."""

from __future__ import annotations

from datetime import timedelta

import asyncpg

from bench.jobs import add_intervals, none_left, second
from bench.scenario import Cell, Figure, Row, Scenario
from bench.service import SCHEMA, Server, migrated, only_ours, postgres, service
from bench.target import Running, Target

OFFERED = 4_000
"""Fires that become due a second: more than can be done."""
_BEGIN_S = 4
_PATIENCE_S = 300


async def measure(target: Target, quick: bool) -> Row:
    del target
    count = 15_000 if quick else 60_000
    async with postgres() as server, migrated(server) as sql:
        with service(server) as started:
            await started.ready()
            cells, lost = await _ours(sql, server, started, count)
    figures = (Figure("sustained fires", float(cells["fires/s"]), "a second", 1500, at_least=True),)
    return Row(cells, figures, faults=lost)


async def _ours(
    sql: asyncpg.Connection, server: Server, started: Running, count: int
) -> tuple[dict[str, Cell], int]:
    """Fire *count* jobs once each; how many are missing or doubled is the second value."""
    begin = second(_BEGIN_S)
    apart = timedelta(seconds=1 / OFFERED)
    await add_intervals(sql, count, every_s=3600, begin=begin, apart=apart)
    used, stored = started.cpu_seconds(), server.cpu_seconds()
    await none_left(sql, until=begin + timedelta(seconds=1000), patience_s=_PATIENCE_S)
    used, stored = started.cpu_seconds() - used, server.cpu_seconds() - stored
    row = await sql.fetchrow(
        f"""SELECT count(*) AS runs, count(DISTINCT job_id) AS jobs,
            count(*) FILTER (WHERE status = 'succeeded') AS succeeded,
            extract(epoch FROM max(update_time) - min(trigger_time))::float8 AS took_s
        FROM {SCHEMA}.schedule_log"""
    )
    cells: dict[str, Cell] = {
        "fires": row["runs"],
        "fires/s": row["succeeded"] / row["took_s"],
        "service: CPU µs a fire": used / row["runs"] * 1e6,
        "PostgreSQL: CPU µs a fire": stored / row["runs"] * 1e6,
        "lost": count - row["jobs"],
        "doubled": row["runs"] - row["jobs"],
    }
    return cells, 2 * count - row["jobs"] - row["succeeded"]


SCENARIO = Scenario(
    name="fires",
    title="Sustained fires of one replica: claimed, run, recorded; PostgreSQL on the same two cores",
    bar="1,500 a second; 10 × APScheduler; 3 × procrastinate",
    measure=measure,
    takes=only_ours,
    pinned=False,
)
