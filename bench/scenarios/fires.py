"""Sustained fires: more become due than can be fired, and we look how many have been recorded."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import asyncpg

from bench.jobs import add_intervals, none_left, second
from bench.peers.engines import PEERS, prepare_engines, rate_of
from bench.scenario import Cell, Figure, Row, Scenario
from bench.service import SCHEMA, Server, migrated, only_ours, postgres, service
from bench.target import Running, Target

OFFERED = 8_000
"""Fires that become due a second: more than anybody can do."""
_BEGIN_S = 4
_PATIENCE_S = 300


async def measure(target: Target, quick: bool) -> Row:
    del target
    count = 30_000 if quick else 120_000
    absent = prepare_engines()
    async with postgres() as server:
        cells, faults = await _ours(server, count)
        for peer in PEERS:
            rate = absent or await rate_of(peer, server, OFFERED, quick=quick)
            cells[f"{peer.name}, fires/s"] = rate
    return Row(cells, _figures(cells), faults=faults)


async def _ours(server: Server, count: int) -> tuple[dict[str, Cell], int]:
    async with migrated(server) as sql:
        with service(server) as started:
            await started.ready()
            return await _fire(sql, server, started, count)


async def _fire(
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
            extract(epoch FROM max(update_time) - $1)::float8 AS took_s,
            extract(epoch FROM avg(update_time - end_time))::float8 AS recorded_s
        FROM {SCHEMA}.schedule_log""",
        begin,
    )
    cells: dict[str, Cell] = {
        "fires": row["runs"],
        "fires/s": row["succeeded"] / row["took_s"],
        "service: CPU µs a fire": used / row["runs"] * 1e6,
        "PostgreSQL: CPU µs a fire": stored / row["runs"] * 1e6,
        "end to record, mean ms": row["recorded_s"] * 1000,
        "lost": count - row["jobs"],
        "doubled": row["runs"] - row["jobs"],
    }
    return cells, 2 * count - row["jobs"] - row["succeeded"]


def _figures(cells: Mapping[str, Cell]) -> tuple[Figure, ...]:
    ours = float(cells["fires/s"])
    sustained = Figure("sustained fires", ours, "a second", 1500, at_least=True)
    rates = [(peer, cells[f"{peer.name}, fires/s"]) for peer in PEERS]
    compared = (
        Figure(f"as many as {peer.name} times", ours / rate, "", peer.factor, at_least=True)
        for peer, rate in rates
        if not isinstance(rate, str)
    )
    return sustained, *compared


SCENARIO = Scenario(
    name="fires",
    title="Sustained fires of one replica: claimed, run, recorded; PostgreSQL on the same two cores",
    bar="1,500 a second; 10 × APScheduler; 3 × procrastinate",
    measure=measure,
    takes=only_ours,
    pinned=False,
)
