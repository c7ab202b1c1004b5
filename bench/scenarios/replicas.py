"""Three replicas on one database, one of them killed every few seconds."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta

import asyncpg

from bench.folders import folder_for_now
from bench.jobs import add_intervals, none_left, second
from bench.ledger import percentile
from bench.scenario import Cell, Figure, Row, Scenario
from bench.service import SCHEMA, migrated, only_ours, postgres, service
from bench.target import Running, Target

REPLICAS = 3
JOBS = 200
"""Each is due every second."""
KILL_EVERY_S = 5
_BEGIN_S = 12
_PATIENCE_S = 180
_SECOND = timedelta(seconds=1)


async def measure(target: Target, quick: bool) -> Row:
    del target
    kills = 4 if quick else 24
    async with postgres() as server, migrated(server) as sql:
        with folder_for_now() as folder, ExitStack() as alive:
            notes = folder / "notes"
            notes.touch()
            begin = second(_BEGIN_S)
            await add_intervals(
                sql,
                JOBS,
                every_s=1,
                begin=begin,
                apart=_SECOND / JOBS,
                handler="noted",
                params=str(notes),
            )
            replicas = [alive.enter_context(service(server)) for _ in range(REPLICAS)]
            await asyncio.gather(*(replica.ready() for replica in replicas))
            end = await _play(sql, replicas, kills)
            executed = Counter(map(int, notes.read_text().split()))
            return _judge(await _recorded(sql, begin, end), executed, begin, end, kills)


async def _play(sql: asyncpg.Connection, replicas: Sequence[Running], kills: int) -> datetime:
    """Kill one after the other; who is dead comes back when the next one goes. The end of it."""
    dead: Running | None = None
    for _ in range(kills):
        await asyncio.sleep(KILL_EVERY_S)
        victim = random.choice([replica for replica in replicas if replica is not dead])
        victim.kill()
        if dead is not None:
            dead.start()
        dead = victim
    await asyncio.sleep(KILL_EVERY_S)
    if dead is not None:
        dead.start()
    end = second(0)
    await none_left(sql, until=end, patience_s=_PATIENCE_S)
    return end


async def _recorded(
    sql: asyncpg.Connection, begin: datetime, end: datetime
) -> Sequence[asyncpg.Record]:
    rows: Sequence[asyncpg.Record] = await sql.fetch(
        f"""SELECT id, job_id, scheduled_time, status,
            extract(epoch FROM start_time - scheduled_time)::float8 AS late_s
        FROM {SCHEMA}.schedule_log WHERE scheduled_time >= $1 AND scheduled_time < $2""",
        *(begin, end),
    )
    return rows


def _judge(
    rows: Sequence[asyncpg.Record],
    executed: Counter[int],
    begin: datetime,
    end: datetime,
    kills: int,
) -> Row:
    """*executed*: how often the handler was called for each log id."""
    due = JOBS * ((end - begin) // _SECOND)
    fires = Counter((row["job_id"], row["scheduled_time"]) for row in rows)
    states = Counter(row["status"] for row in rows)
    lost = due - len(fires)
    unrun = sum(row["status"] == "succeeded" and row["id"] not in executed for row in rows)
    silent = lost + unrun + len(rows) - states["succeeded"] - states["interrupted"]
    doubled = sum(executed.values()) - len(executed) + len(rows) - len(fires)
    late = [row["late_s"] for row in rows if row["late_s"] is not None]
    cells: dict[str, Cell] = {
        "kills": kills,
        "due": due,
        "ran once": states["succeeded"],
        "reported as interrupted": states["interrupted"],
        "lost": lost,
        "said to have run, but did not": unrun,
        "ended otherwise, or not": silent - lost - unrun,
        "run twice": doubled,
        "late by p99 s": percentile(late, 0.99),
        "max s": max(late, default=0.0),
    }
    figures = (
        Figure("silent", silent, "fires", 0),
        Figure("run twice", doubled, "fires", 0),
    )
    return Row(cells, figures, faults=silent + doubled)


SCENARIO = Scenario(
    name="replicas",
    title=f"Three replicas, one killed -9 every {KILL_EVERY_S} s, {JOBS} fires a second",
    bar="every due fire ran once or is reported as interrupted; 0 silent",
    measure=measure,
    takes=only_ours,
    pinned=False,
)
