"""PostgreSQL stopped under load: what was due meanwhile, what was reported, what the API says."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import asyncpg

from bench.api import Api, api, get, post
from bench.http1 import connect
from bench.jobs import add_intervals, none_left, second
from bench.ledger import percentile
from bench.scenario import Cell, Figure, Row, Scenario
from bench.service import SCHEMA, Server, migrated, only_ours, server_of, stoppable
from bench.target import Target

JOBS = 100
"""Each is due every second, and makes up for whatever is missed."""
_CALM_S = 10
_BEGIN_S = 5
_PATIENCE_S = 180
_SECOND = timedelta(seconds=1)
_AWAY = b'{"code":503,"message":"PostgreSQL is away'
_QUESTIONS = (
    get("/jobs"),
    get("/jobs/1"),
    get("/logs"),
    get("/statistics/monitor"),
    post("/jobs/execute", {"jobId": 1}),
)


async def measure(target: Target, quick: bool) -> Row:
    del target
    outage_s = 12 if quick else 60
    async with stoppable() as postgres:
        server = server_of(postgres)
        notes = Path(tempfile.mkstemp(prefix="bench-notes-")[1])
        begin = second(_BEGIN_S)
        async with migrated(server) as sql:
            await _add_jobs(sql, begin, notes)
        async with api(server) as asked:
            await asyncio.sleep(_BEGIN_S + _CALM_S)
            await postgres.stop()
            answers = await _ask(asked, outage_s)
            await postgres.start()
            end = second(_CALM_S)
            await asyncio.sleep(_CALM_S)
            rows = await _recorded(server, begin, end)
        executed = _taken(notes)
    return _judge(rows, executed, answers, due=JOBS * ((end - begin) // _SECOND))


async def _add_jobs(sql: asyncpg.Connection, begin: datetime, notes: Path) -> None:
    apart = _SECOND / JOBS
    await add_intervals(
        sql, JOBS, every_s=1, begin=begin, apart=apart, handler="noted", params=str(notes)
    )
    await sql.execute(f"UPDATE {SCHEMA}.schedule_job SET misfire_policy = 'fire_all'")


async def _ask(asked: Api, outage_s: int) -> list[tuple[bool, float]]:
    """Ask all the while: whether the answer was that PostgreSQL is away, and after how long."""
    answers = []
    caller, over = await connect(asked.port), time.monotonic() + outage_s
    while time.monotonic() < over:
        for question in _QUESTIONS:
            start = time.monotonic()
            answer = await caller.send(question)
            answers.append((answer.startswith(_AWAY), time.monotonic() - start))
        await asyncio.sleep(0.2)
    return answers


async def _recorded(server: Server, begin: datetime, end: datetime) -> Sequence[asyncpg.Record]:
    sql = await asyncpg.connect(server.dsn)
    try:
        await none_left(sql, until=end, patience_s=_PATIENCE_S)
        rows: Sequence[asyncpg.Record] = await sql.fetch(
            f"""SELECT id, job_id, scheduled_time, status FROM {SCHEMA}.schedule_log
            WHERE scheduled_time >= $1 AND scheduled_time < $2 AND trigger_type = 'interval'""",
            *(begin, end),
        )
        return rows
    finally:
        await sql.close()


def _taken(notes: Path) -> Counter[int]:
    """How often the handler has noted each log id; the notes go."""
    executed = Counter(map(int, notes.read_text().split()))
    notes.unlink()
    return executed


def _judge(
    rows: Sequence[asyncpg.Record],
    executed: Counter[int],
    answers: Sequence[tuple[bool, float]],
    *,
    due: int,
) -> Row:
    fires = Counter((row["job_id"], row["scheduled_time"]) for row in rows)
    succeeded = {row["id"] for row in rows if row["status"] == "succeeded"}
    doubled = len(rows) - len(fires) + sum(executed.values()) - len(executed)
    lost = due - len(fires) + len(succeeded - executed.keys()) + len(rows) - len(succeeded)
    other = sum(not away for away, _ in answers)
    slowest = max(took for _, took in answers)
    cells: dict[str, Cell] = {
        "due": due,
        "ran and recorded": len(succeeded),
        "lost": lost,
        "doubled": doubled,
        "API asked": len(answers),
        "answered other than 503": other,
        "answer p99 ms": percentile([took for _, took in answers], 0.99) * 1000,
        "slowest ms": slowest * 1000,
    }
    figures = (
        Figure("lost", lost, "fires", 0),
        Figure("doubled", doubled, "fires", 0),
        Figure("answers other than 503", other, "answers", 0),
    )
    return Row(cells, figures, faults=lost + doubled + other)


SCENARIO = Scenario(
    name="storage-outage",
    title=f"PostgreSQL stopped for 60 s under {JOBS} fires a second",
    bar="fires made up, no report lost, the API answers 503 with a reason at once",
    measure=measure,
    takes=only_ours,
    pinned=False,
)
