"""What is written of runs is noted for the alarms in the same statement, whoever writes it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from executor.model import RunState
from scheduler.engine.statements import sql as engine_statement
from scheduler.mirror_settings import MirrorSection
from tests.integration.engine_service import SCHEMA, add_job
from tests.integration.memory_admin import T0 as ADMINS_T0
from tests.integration.memory_admin import MemoryAdmin
from tests.integration.mirror_stage import Stage, Time
from tests.reports import T0, a_report

BAD = [RunState.FAILED, RunState.TIMED_OUT, RunState.INTERRUPTED]
FINE = [state for state in RunState if state not in BAD]


async def noted(sql: asyncpg.Connection) -> list[str]:
    """What the events are about, each with the run that it names."""
    rows = await sql.fetch(
        f"""SELECT e.kind FROM {SCHEMA}.schedule_alarm_event e JOIN {SCHEMA}.schedule_log l
            ON l.id = e.log_id AND l.trigger_time = e.at AND l.job_id = e.job_id ORDER BY e.id"""
    )
    return [row[0] for row in rows]


@pytest.mark.parametrize("state", BAD)
async def test_a_bad_end_is_noted_once_however_often_it_is_told(recorder, sql, state):
    for told in (RunState.RUNNING, state, state):
        await recorder.record([a_report(told)])

    assert await noted(sql) == ["ended"]


@pytest.mark.parametrize("state", FINE)
async def test_runs_that_go_well_leave_no_trace(recorder, sql, state):
    await recorder.record([a_report(state)])

    assert await noted(sql) == []


async def test_a_next_attempt_that_is_refused_ends_its_chain(recorder, sql):
    await recorder.record([a_report(RunState.DISCARDED, attempt=2)])

    assert await noted(sql) == ["ended"]


async def test_a_good_run_whose_handler_has_raised_an_alarm_is_noted(recorder, sql):
    await recorder.record([a_report(message="done\n[alarm error] stock below zero")])

    assert await noted(sql) == ["ended"]


async def test_a_late_start_is_noted_and_one_in_time_is_not(recorder, sql):
    for log_id, late_ms in ((1, 4_999), (2, 5_000)):
        begun = {"scheduled_ms": T0, "started_ms": T0 + late_ms}
        await recorder.record([a_report(RunState.RUNNING, log_id=log_id, **begun)])

    assert await noted(sql) == ["late"]


async def test_each_of_many_bad_ends_is_noted(recorder, sql):
    await recorder.record([a_report(RunState.FAILED, log_id=n) for n in range(1, 501)])

    assert await noted(sql) == ["ended"] * 500


async def test_what_an_admins_log_tells_is_noted_when_it_is_new_or_ends(sql):
    now, admin = datetime.now(UTC).replace(microsecond=0), MemoryAdmin()
    admin.job(1)
    stage = Stage(sql, admin, MirrorSection(page_size=10), Time(start=now))
    admin.run(now - timedelta(minutes=30), handle=500)
    admin.run(now - timedelta(minutes=20), handle=200)
    long = admin.run(now - timedelta(minutes=10), handle=0)
    await stage.go()
    assert await noted(sql) == ["ended"]

    admin.end(long, 500, after_s=600)
    await stage.go(4000)

    assert await noted(sql) == ["ended", "ended"]


async def a_wait_in_vain(sql: asyncpg.Connection, **columns: object) -> int:
    """A job whose fire has waited for too long."""
    job = await add_job(sql, **columns)
    await sql.execute(
        f"""INSERT INTO {SCHEMA}.schedule_fire
            (job_id, fire_time, scheduled_time, trigger_type, state, lease_until)
        VALUES ($1, now(), now(), 'dependency', 'waiting', now() - interval '1 s')""",
        job,
    )
    return job


async def test_a_wait_in_vain_is_noted_with_the_end_of_its_run_or_not_at_all(sql):
    job = await a_wait_in_vain(sql)
    events = f"SELECT kind, job_id, message FROM {SCHEMA}.schedule_alarm_event"

    died = sql.transaction()
    await died.start()
    assert len(await sql.fetch(engine_statement("lapsed"))) == 1
    await died.rollback()
    assert await sql.fetch(events) == []

    await sql.fetch(engine_statement("lapsed"))
    (event,) = await sql.fetch(events)
    said = "waited too long for the success of the jobs it depends on"
    assert tuple(event) == ("waited", job, said)


@pytest.mark.parametrize("columns", [{"status": "paused"}, {"deleted_at": datetime.now(UTC)}])
async def test_a_job_that_was_stopped_as_others_success_gave_it_a_fire_waits_for_nothing(
    sql, columns
):
    await a_wait_in_vain(sql, **columns)

    ended = await sql.fetch(engine_statement("lapsed"))

    assert len(ended) == 1
    assert await sql.fetch(f"SELECT FROM {SCHEMA}.schedule_alarm_event") == []


async def test_a_refused_run_is_noted_when_its_admin_tells_that_it_was_a_next_attempt(
    recorder, sql
):
    admin, at = MemoryAdmin(), ADMINS_T0 - timedelta(minutes=5)
    admin.job(1, retry_count=2)
    run = {"log_id": admin.run(at, retries_left=1, handle=500), "job_id": 1}
    at_ms = round(at.timestamp() * 1000)
    await recorder.record([a_report(RunState.DISCARDED, triggered_ms=at_ms, **run)])
    assert await noted(sql) == []

    await Stage(sql, admin, MirrorSection(page_size=10)).go()

    assert await noted(sql) == ["ended"]
