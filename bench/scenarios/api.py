"""Requests a second of the REST API, the service on a core of its own."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable

import asyncpg

from bench.api import Api, api, get, post
from bench.ledger import percentile
from bench.scenario import Cell, Figure, Row, Scenario
from bench.service import SCHEMA, Server, migrated, only_ours, postgres
from bench.target import Target

JOBS = range(1, 201)
_WARM_UP_S = 2.0
_PATIENCE_S = 120.0
_ADD = f"""
    INSERT INTO {SCHEMA}.schedule_job (id, job_no, job_name, handler_name)
    SELECT n, 'JOB-20260101-' || n, 'job ' || n, 'noop' FROM generate_series($1::int, $2::int) AS n"""
_UNDER_WAY = f"SELECT count(*) FROM {SCHEMA}.schedule_fire"
_SUCCEEDED = f"SELECT count(*) FROM {SCHEMA}.schedule_log WHERE status = 'succeeded'"


async def measure(target: Target, quick: bool) -> Row:
    del target
    seconds = 4.0 if quick else 15.0
    async with postgres() as server, migrated(server) as sql:
        await sql.execute(_ADD, JOBS[0], JOBS[-1])
        async with api(server, cores="0") as asked:
            reads = await _load(asked, server, _cycle(lambda job: get(f"/jobs/{job}")), seconds)
            run = _cycle(lambda job: post("/jobs/execute", {"jobId": job}))
            start = time.monotonic()
            executed = await _load(asked, server, run, seconds)
            recorded = await _recorded(sql)
            recorded_s = time.monotonic() - start
    lost = int(executed["answered in all"]) - recorded
    cells = {f"GET job: {title}": value for title, value in reads.items()}
    cells |= {f"execute: {title}": value for title, value in executed.items()}
    cells |= {"runs recorded/s, to the last": recorded / recorded_s, "runs lost": lost}
    return Row(
        cells, (_figure(cells, "GET job", 2000), _figure(cells, "execute", 1000)), faults=lost
    )


def _figure(cells: dict[str, Cell], what: str, bar: float) -> Figure:
    return Figure(what, float(cells[f"{what}: requests/s"]), "requests/s", bar, at_least=True)


def _cycle(request_of: Callable[[int], bytes]) -> Callable[[], bytes]:
    """Each job in turn."""
    requests = itertools.cycle([request_of(job) for job in JOBS])
    return lambda: next(requests)


async def _load(
    asked: Api, server: Server, next_request: Callable[[], bytes], seconds: float
) -> dict[str, Cell]:
    warm_up = await asked.load(next_request, seconds=_WARM_UP_S)
    ours, theirs = asked.process.cpu_seconds(), server.cpu_seconds()
    took = await asked.load(next_request, seconds=seconds)
    ours, theirs = asked.process.cpu_seconds() - ours, server.cpu_seconds() - theirs
    return {
        "requests/s": len(took) / seconds,
        "requests per CPU second": len(took) / ours,
        "p50 ms": percentile(took, 0.5) * 1000,
        "p99 ms": percentile(took, 0.99) * 1000,
        "service: CPU µs a request": ours / len(took) * 1e6,
        "PostgreSQL: CPU µs a request": theirs / len(took) * 1e6,
        "share of the core": min(1.0, ours / seconds),
        "answered in all": len(warm_up) + len(took),
    }


async def _recorded(sql: asyncpg.Connection) -> int:
    """How many runs have succeeded, once none is under way any more."""
    deadline = time.monotonic() + _PATIENCE_S
    while await sql.fetchval(_UNDER_WAY) and time.monotonic() < deadline:  # noqa: ASYNC110
        await asyncio.sleep(0.05)
    return int(await sql.fetchval(_SUCCEEDED))


SCENARIO = Scenario(
    name="api",
    title="The REST API, the service on one core; PostgreSQL and 16 connections on the other",
    bar="GET /jobs/{id} ≥ 2,000 a second, POST /jobs/execute ≥ 1,000",
    measure=measure,
    takes=only_ours,
)
