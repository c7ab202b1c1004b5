"""Sustained fires: more become due than can be fired, and we look how many have been recorded.

In turns with the peers, each turn on a server of its own: the machine's speed changes meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from statistics import median

import asyncpg

from bench.jobs import add_intervals, none_left, second
from bench.peers.engines import PEERS, Peer, prepare_engines, rate_of
from bench.scenario import Cell, Figure, Row, Scenario
from bench.service import SCHEMA, Server, migrated, only_ours, postgres, service
from bench.target import Running, Target

OFFERED = 20_000
"""Fires that become due a second: more than anybody can do."""
_BEGIN_S = 4
_PATIENCE_S = 300


async def measure(target: Target, quick: bool) -> Row:
    del target
    turns, count = (1, 30_000) if quick else (5, 40_000)
    absent = prepare_engines()
    ours, faults = list[dict[str, float]](), 0
    theirs: dict[Peer, list[float]] = {peer: [] for peer in PEERS if not absent}
    for _ in range(turns):
        async with postgres() as server:
            cells, faulty = await _ours(server, count)
            for peer, rates in theirs.items():
                rates.append(await rate_of(peer, server, OFFERED))
        ours.append(cells)
        faults += faulty
    rates = [one["fires/s"] for one in ours]
    summed: dict[str, Cell] = {name: _over(name, ours) for name in ours[0]}
    summed |= {f"{peer.name}, fires/s": absent or median(theirs[peer]) for peer in PEERS}
    return Row(summed, (_sustained(rates), *_compared(rates, theirs.items())), faults=faults)


def _over(name: str, turns: Sequence[dict[str, float]]) -> float:
    """One figure over all turns: counts together, the median of what is measured."""
    values = [one[name] for one in turns]
    return sum(values) if name in ("fires", "lost", "doubled") else median(values)


async def _ours(server: Server, count: int) -> tuple[dict[str, float], int]:
    async with migrated(server) as sql:
        with service(server) as started:
            await started.ready()
            return await _fire(sql, server, started, count)


async def _fire(
    sql: asyncpg.Connection, server: Server, started: Running, count: int
) -> tuple[dict[str, float], int]:
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
    cells = {
        "fires": row["runs"],
        "fires/s": row["succeeded"] / row["took_s"],
        "service: CPU µs a fire": used / row["runs"] * 1e6,
        "PostgreSQL: CPU µs a fire": stored / row["runs"] * 1e6,
        "end to record, mean ms": row["recorded_s"] * 1000,
        "lost": count - row["jobs"],
        "doubled": row["runs"] - row["jobs"],
    }
    return cells, 2 * count - row["jobs"] - row["succeeded"]


def _sustained(rates: Sequence[float]) -> Figure:
    return Figure("sustained fires", median(rates), "a second", 1500, at_least=True)


def _compared(
    rates: Sequence[float], theirs: Iterable[tuple[Peer, list[float]]]
) -> Iterator[Figure]:
    """How many times as many, turn by turn."""
    for peer, others in theirs:
        times = median(our / other for our, other in zip(rates, others, strict=True))
        yield Figure(f"as many as {peer.name} times", times, "", peer.factor, at_least=True)


SCENARIO = Scenario(
    name="fires",
    title="Sustained fires of one replica: claimed, run, recorded; PostgreSQL on the same two cores",
    bar="1,500 a second; 10 × APScheduler; 3 × procrastinate",
    measure=measure,
    takes=only_ours,
    pinned=False,
)
