"""Rows a second into `schedule_log` with their statistics, beside a bare COPY of the same rows."""

from __future__ import annotations

import time
from collections.abc import Sequence

import asyncpg

from bench.scenario import Cell, Figure, Row, Scenario
from bench.service import SCHEMA, Server, migrated, only_ours, postgres
from bench.target import Target
from executor.model import LOCAL, Report, RunState, Source, Trigger
from scheduler.database import open_database
from scheduler.recorder import Recorder

BATCH = 1_000
"""As many as the service hands over at a time."""
JOBS = 200
_ROUND = 10
"""Batches; then it is the other's turn, so that both meet the same machine."""
_BARE = f"CREATE TABLE {SCHEMA}.bare (LIKE {SCHEMA}.schedule_log INCLUDING ALL)"
_ROWS = f"SELECT * FROM {SCHEMA}.schedule_log WHERE admin_log_id >= $1 ORDER BY admin_log_id"


async def measure(target: Target, quick: bool) -> Row:
    del target
    rounds = 3 if quick else 20
    async with postgres() as server, migrated(server) as sql:
        await sql.execute(_BARE)
        engine = open_database(server.dsn)
        try:
            recorder = Recorder(engine, address="http://127.0.0.1:9999/")
            await recorder.record(_reports(1))  # months, jobs and plans are there
            cells = await _alternate(recorder, server, sql, rounds)
        finally:
            await engine.dispose()
        counted = await sql.fetchval(f"SELECT sum(execute_count) FROM {SCHEMA}.schedule_daily")
    lost = int(cells["rows"]) + BATCH - int(counted)
    rate, times = float(cells["recorder: rows/s"]), float(cells["recorder / bare COPY, time"])
    figures = (
        Figure("recorder", rate, "rows/s", 20_000, at_least=True),
        Figure("recorder", times, "× bare COPY", 2),
    )
    return Row(cells | {"not counted": lost}, figures, faults=abs(lost))


async def _alternate(
    recorder: Recorder, server: Server, sql: asyncpg.Connection, rounds: int
) -> dict[str, Cell]:
    ours_s = bare_s = cpu_s = 0.0
    first = BATCH + 1
    for _ in range(rounds):
        used, start = time.process_time() + server.cpu_seconds(), time.monotonic()
        for number in range(_ROUND):
            await recorder.record(_reports(first + number * BATCH))
        ours_s += time.monotonic() - start
        cpu_s += time.process_time() + server.cpu_seconds() - used
        bare_s += await _copy(sql, [tuple(row) for row in await sql.fetch(_ROWS, first)])
        first += _ROUND * BATCH
    rows = rounds * _ROUND * BATCH
    return {
        "rows": rows,
        "recorder: rows/s": rows / ours_s,
        "recorder: CPU µs a row, PostgreSQL's too": cpu_s / rows * 1e6,
        "bare COPY: rows/s": rows / bare_s,
        "recorder / bare COPY, time": ours_s / bare_s,
    }


async def _copy(sql: asyncpg.Connection, rows: Sequence[tuple[object, ...]]) -> float:
    """How long it took, s: a transaction a batch."""
    start = time.monotonic()
    for place in range(0, len(rows), BATCH):
        batch = rows[place : place + BATCH]
        await sql.copy_records_to_table("bare", schema_name=SCHEMA, records=batch)
    return time.monotonic() - start


def _reports(first: int) -> list[Report]:
    """A batch of ended runs, the ids from *first* on."""
    now_ms = int(time.time() * 1000)
    return [_report(log_id, now_ms) for log_id in range(first, first + BATCH)]


def _report(log_id: int, now_ms: int) -> Report:
    trigger = Trigger(
        cluster=LOCAL,
        log_id=log_id,
        triggered_ms=now_ms,
        job_id=1 + log_id % JOBS,
        handler="noop",
        source=Source.CRON,
        scheduled_ms=now_ms,
    )
    return Report(
        run_id=log_id,
        revision=3,
        trigger=trigger,
        state=RunState.SUCCEEDED,
        accepted_ms=now_ms,
        started_ms=now_ms,
        ended_ms=now_ms + 20,
        message="done",
    )


SCENARIO = Scenario(
    name="recorder",
    title="Rows a second into schedule_log with statistics, batches of 1,000",
    bar="≥ 20,000 rows/s; ≤ 2 × the time of a bare COPY into a table of the same shape",
    measure=measure,
    takes=only_ours,
    pinned=False,
)
