"""Lists that people narrow are planned for what they ask for; all else once a connection."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncEngine

from executor.clock import SystemClock
from scheduler.alarms.inbox import Inbox
from scheduler.alarms.notices import NoticeFilter, Notices
from scheduler.alarms.statements import sql as of_alarms
from scheduler.audit_list import changes
from scheduler.job_service import JobService
from scheduler.job_store import JobFilter
from scheduler.lists import listing
from scheduler.mirror.statements import sql as of_mirror
from tests.integration.engine_service import SCHEMA
from tests.integration.test_engine_claim import nodes_of

MODE = text("SHOW plan_cache_mode")


def notices(engine: AsyncEngine) -> Notices:
    return Notices(engine, SystemClock(), timezone="UTC")


def jobs(engine: AsyncEngine) -> JobService:
    return JobService(engine, SystemClock(), timezone="UTC")


LISTS: dict[str, Callable[[AsyncEngine], Awaitable[object]]] = {
    "jobs": lambda engine: jobs(engine).page(JobFilter(group="none"), size=20, skip=0, before=None),
    "all jobs": lambda engine: jobs(engine).all(JobFilter(name="none")),
    "audit": lambda engine: changes(engine, size=20, skip=0, before=None, job_id=1),
    "alarms": lambda engine: notices(engine).page(NoticeFilter(job_id=1), size=20),
    "their number": lambda engine: notices(engine).total(NoticeFilter(job_id=1)),
    "today's": lambda engine: notices(engine).today(),
    "pending": lambda engine: notices(engine).pending(),
    "unsent": lambda engine: notices(engine).unsent(),
    "messages": lambda engine: Inbox(engine).page("ann", size=20),
}


@pytest.mark.parametrize("name", LISTS)
async def test_a_list_is_planned_for_what_it_asks_for(engine, name):
    said: list[str] = []
    event.listen(
        engine.sync_engine, "before_cursor_execute", lambda *args: said.append(str(args[2]))
    )

    await LISTS[name](engine)

    assert said[0] == "SET LOCAL plan_cache_mode = force_custom_plan"
    assert len(said) > 1


async def test_what_comes_after_a_list_is_planned_once(engine):
    async with listing(engine) as connection:
        assert await connection.scalar(MODE) == "force_custom_plan"
    async with engine.connect() as connection:
        assert await connection.scalar(MODE) == "force_generic_plan"


async def plan_of(sql, statement: str, values: str) -> dict[str, Any]:
    """How PostgreSQL goes about *statement*, whatever its *values* are."""
    await sql.execute("SET plan_cache_mode = force_generic_plan")
    await sql.execute(f"PREPARE asked AS {statement}")
    query = f"EXPLAIN (FORMAT JSON) EXECUTE asked ({values})"
    (found,) = json.loads(await sql.fetchval(query))
    return dict(found["Plan"])


async def add_jobs(sql) -> None:
    await sql.execute(
        f"""INSERT INTO {SCHEMA}.schedule_job (job_no, job_name, engine, cluster, admin_job_id)
        SELECT 'XXL-main-' || n, 'job', 'xxl', 'main', n FROM generate_series(1, 20000) n"""
    )
    await sql.execute(f"ANALYZE {SCHEMA}.schedule_job")


async def test_the_run_of_what_a_handler_said_is_found_without_reading_all_jobs(sql):
    await add_jobs(sql)

    said = "'{main}', '{1}', '{1}', '{2026-01-01Z}'"
    nodes = nodes_of(await plan_of(sql, of_alarms("run_of"), said))

    read = [node for node in nodes if node.get("Relation Name") == "schedule_job"]
    assert read
    assert all("Index Cond" in node for node in read)


async def test_what_a_group_has_is_looked_up_in_a_hash_table(sql):
    await add_jobs(sql)

    nodes = nodes_of(await plan_of(sql, of_mirror("drop_jobs"), "'main', 1, '{1,2}', now()"))

    assert any("hashed SubPlan" in node.get("Filter", "") for node in nodes)
