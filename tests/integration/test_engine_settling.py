"""Ends of runs that meet changes of their jobs, and what follows from them."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from executor.clock import SystemClock, moment
from executor.errors import DiscardedByBlock
from executor.model import LOCAL, RunState
from scheduler.engine.finals import Finals
from scheduler.job import IntervalMode, ScheduleType
from scheduler.job_control import Action
from scheduler.job_service import JobService
from scheduler.recorder import Recorder
from tests.integration.engine_service import SCHEMA, add_job, due, soon, until
from tests.reports import a_report

DELAYED = {"schedule_type": "interval", "interval_mode": "fixed_delay", "interval_seconds": 3600}
WAITING = """SELECT count(*) FROM pg_locks WHERE NOT granted AND (database IS NULL
    OR database = (SELECT oid FROM pg_database WHERE datname = current_database()))"""


@pytest.fixture
def finals(engine) -> Finals:
    return Finals(engine, Recorder(engine), wait_s=3600)


async def fired(
    sql: asyncpg.Connection, job: int, *, trigger: str = "interval", state: str = "fired"
) -> int:
    """A run of *job* that is under way, or a fire that waits; its log id."""
    log_id: int = await sql.fetchval(
        f"""INSERT INTO {SCHEMA}.schedule_fire (job_id, fire_time, scheduled_time, trigger_type, state)
        VALUES ($1, now(), now(), $2, $3) RETURNING id""",
        *(job, trigger, state),
    )
    return log_id


async def starts(jobs: JobService, job: int) -> None:
    await jobs.control(job, Action.START)


async def becomes_delayed(jobs: JobService, job: int) -> None:
    changes = {"interval_mode": IntervalMode.FIXED_DELAY}
    await jobs.update(job, (await jobs.get(job)).version, changes)


@pytest.mark.parametrize(
    ("change", "columns"),
    [
        (starts, {"status": "stopped"}),
        (becomes_delayed, {"interval_mode": "fixed_rate", "next_run_time": soon(600)}),
    ],
)
async def test_a_change_that_meets_the_end_of_the_run_leaves_the_job_due(
    sql, jobs, finals, change, columns
):
    """The change has seen the run under way, and is not committed when its end is told."""
    job = await add_job(sql, **DELAYED | columns)
    report = a_report(cluster=LOCAL, job_id=job, log_id=await fired(sql, job))
    async with sql.transaction():
        await sql.execute(f"LOCK TABLE {SCHEMA}.schedule_audit IN SHARE MODE")
        changing = asyncio.create_task(change(jobs, job))
        await until(lambda: sql.fetchval(WAITING), lambda waiting: waiting == 1)
        settling = asyncio.create_task(finals.settle([report]))
        await until(lambda: sql.fetchval(WAITING), lambda waiting: waiting == 2 or settling.done())
    await asyncio.gather(changing, settling)

    assert await due(sql, job) is not None


async def test_a_job_that_becomes_delayed_while_it_waits_for_others_is_due_after_that_run(
    sql, jobs, finals
):
    job = await add_job(sql)
    waiting = await fired(sql, job, trigger="dependency", state="waiting")
    changes = {"schedule_type": ScheduleType.INTERVAL, "interval_seconds": 60}
    delayed = changes | {"interval_mode": IntervalMode.FIXED_DELAY}
    await jobs.update(job, (await jobs.get(job)).version, delayed)
    before = await due(sql, job)
    await finals.settle([a_report(cluster=LOCAL, job_id=job, log_id=waiting)])

    assert before is None
    assert await due(sql, job) is not None


@pytest.mark.parametrize("message", ["the job already has 1 runs waiting", str(DiscardedByBlock())])
async def test_a_due_time_that_a_full_lane_has_refused_is_told_once_by_whoever_settles_it(
    sql, engine, finals, message
):
    """Its replica died between the record and the settling, or has doubts, and tells it again."""
    job = await add_job(sql)
    now_ms = SystemClock().now_ms() // 1000 * 1000
    fire = await fired(sql, job)
    at = moment(now_ms)
    await sql.execute(f"UPDATE {SCHEMA}.schedule_fire SET fire_time = $1, scheduled_time = $1", at)
    known = {"cluster": LOCAL, "job_id": job, "log_id": fire, "triggered_ms": now_ms}
    report = a_report(RunState.DISCARDED, message=message, started_ms=None, **known)
    await Recorder(engine).record([report])
    await finals.settle_recorded("another")
    await finals.end([report])

    told = [] if message == str(DiscardedByBlock()) else [(job, at, message)]
    query = f"SELECT job_id, at, message FROM {SCHEMA}.schedule_alarm_event WHERE kind = 'missed'"
    assert [tuple(row) for row in await sql.fetch(query)] == told
