"""The claim of due jobs among a million, as the engine asks for it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import asyncpg

from bench.jobs import add_intervals, second
from bench.ledger import percentile
from bench.scenario import Cell, Figure, Row, Scenario
from bench.service import SCHEMA, migrated, only_ours, postgres
from bench.target import Target
from scheduler.engine.statements import sql as statement

DUE = 100
_MOST = 1000
_WARM_UP = 10
_APART = timedelta(milliseconds=10)
_CLAIM = statement("claim_due")


async def measure(target: Target, quick: bool) -> Row:
    del target
    jobs, claims = (200_000, 50) if quick else (1_000_000, 500)
    async with postgres() as server, migrated(server) as sql:
        now = second(0)
        begin = now - _APART * (DUE - 1)
        await add_intervals(sql, jobs, every_s=3600, begin=begin, apart=_APART)
        await sql.execute(
            f"""INSERT INTO {SCHEMA}.schedule_dependency (job_id, parent_id)
            SELECT id, id - 1 FROM {SCHEMA}.schedule_job WHERE id % 50 = 0"""
        )
        await sql.execute(f"VACUUM ANALYZE {SCHEMA}.schedule_job, {SCHEMA}.schedule_dependency")
        took_ms = [await _claim(sql, now) for _ in range(claims + _WARM_UP)][_WARM_UP:]
        plan = json.loads(
            await sql.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {_CLAIM}", now, _MOST)
        )
    cells: dict[str, Cell] = {
        "jobs": jobs,
        "due": DUE,
        "asked and answered, p50 ms": percentile(took_ms, 0.5),
        "p99 ms": percentile(took_ms, 0.99),
        "in PostgreSQL, ms": plan[0]["Execution Time"],
        "reads": ", ".join(sorted(set(_reads(plan[0]["Plan"])))),
    }
    return Row(cells, (Figure("claim, p50", percentile(took_ms, 0.5), "ms", 5),))


async def _claim(sql: asyncpg.Connection, now: object) -> float:
    """Milliseconds until all rows are here, locked; then they are let go."""
    transaction = sql.transaction()
    await transaction.start()
    start = time.perf_counter()
    rows = await sql.fetch(_CLAIM, now, _MOST)
    took = time.perf_counter() - start
    await transaction.rollback()
    if len(rows) != DUE:
        raise RuntimeError(f"{len(rows)} jobs were claimed instead of {DUE}")
    return took * 1000


def _reads(node: dict[str, Any]) -> Iterator[str]:
    """What the plan reads tables by."""
    if "Relation Name" in node:
        yield node.get("Index Name") or f"{node['Node Type']} of {node['Relation Name']}"
    for part in node.get("Plans", ()):
        yield from _reads(part)


SCENARIO = Scenario(
    name="claim",
    title="The claim query among 1,000,000 jobs (200,000 in the quick form), 100 due",
    bar="≤ 5 ms, by indexes only",
    measure=measure,
    takes=only_ours,
    pinned=False,
)
