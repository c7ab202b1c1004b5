"""The claim of due jobs among a million."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from scheduler.engine.statements import sql as statement
from tests.integration.engine_service import SCHEMA, soon

MOST_MS = 5.0


async def explained(sql, *args) -> dict[str, Any]:
    query = "EXPLAIN (ANALYZE, FORMAT JSON) " + statement("claim_due")
    (found,) = json.loads(await sql.fetchval(query, *args))
    return dict(found)


def nodes_of(plan) -> list[dict[str, Any]]:
    return [plan, *(node for part in plan.get("Plans", ()) for node in nodes_of(part))]


async def test_a_hundred_due_jobs_among_a_million_are_found_by_the_index_alone(sql):
    now = soon()
    await sql.execute(
        f"""INSERT INTO {SCHEMA}.schedule_job (job_no, job_name, handler_name, schedule_type,
            interval_seconds, status, next_run_time)
        SELECT 'JOB-' || n, 'job ' || n, 'note', 'interval', 3600, 'running',
            $1::timestamptz + n * interval '10 ms' - interval '990 ms'
        FROM generate_series(0, 999999) n""",
        now,
    )
    await sql.execute(
        f"""INSERT INTO {SCHEMA}.schedule_dependency (job_id, parent_id)
        SELECT id, id - 1 FROM {SCHEMA}.schedule_job WHERE id % 50 = 0"""
    )
    await sql.execute(f"ANALYZE {SCHEMA}.schedule_job, {SCHEMA}.schedule_dependency")

    runs = [await explained(sql, now, 1000) for _ in range(5)]

    nodes = nodes_of(runs[0]["Plan"])
    scans = {node["Relation Name"]: node for node in nodes if "Relation Name" in node}
    assert scans["schedule_job"]["Index Name"] == "schedule_job_due_idx"
    assert scans["schedule_dependency"]["Index Name"] == "schedule_dependency_pkey"
    assert runs[0]["Plan"]["Actual Rows"] == 100
    times = [run["Execution Time"] for run in runs]
    assert min(times) <= MOST_MS
    later = await explained(sql, now - timedelta(days=1), 1000)
    assert later["Plan"]["Actual Rows"] == 0
