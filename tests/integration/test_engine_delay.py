"""Intervals that count from the end of a run."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from executor.clock import SystemClock
from scheduler.calendar_service import CalendarService
from scheduler.engine.calendars import Calendar
from scheduler.job_control import Action
from scheduler.job_service import JobService
from tests.integration.engine_service import (
    SCHEMA,
    Replica,
    a_service,
    add_job,
    due,
    ended,
    local,
    runs_of,
    settled,
    soon,
    until,
)

HASTY = {"engine__lease_seconds": 5, "engine__interrupt_after_seconds": 5}


async def a_job(sql, **columns: Any) -> int:
    """A job that is due now, and an hour after the end of each run."""
    given = {
        "schedule_type": "interval",
        "interval_mode": "fixed_delay",
        "interval_seconds": 3600,
        "next_run_time": soon(),
    }
    return await add_job(sql, **given | columns)


async def running(sql, job: int) -> Any:
    (row,) = await until(
        lambda: runs_of(sql, job), lambda rows: [r["status"] for r in rows] == ["running"]
    )
    return row


async def test_the_next_run_begins_an_interval_after_the_end_of_the_last(
    tmp_path, database_url, sql
):
    async with a_service(tmp_path, database_url):
        job = await a_job(sql, handler_name="pause", params="1.2", interval_seconds=1)
        first, second = (await ended(sql, job, count=2))[:2]

    assert second["scheduled_time"] == first["end_time"] + timedelta(seconds=1)
    assert second["trigger_type"] == "interval"


@pytest.mark.parametrize(
    ("columns", "count", "status"),
    [
        ({}, 1, "succeeded"),
        ({"handler_name": "wait", "timeout_seconds": 1}, 1, "timed_out"),
        (
            {
                "handler_name": "failUntil",
                "params": "9",
                "retry_strategy": "fixed",
                "retry_count": 1,
            },
            2,
            "failed",
        ),
        ({"handler_name": "nowhere"}, 1, "failed"),
    ],
)
async def test_whatever_the_end_the_delay_counts_from_it(
    tmp_path, database_url, sql, columns, count, status
):
    async with a_service(tmp_path, database_url):
        job = await a_job(sql, **columns)
        rows = await ended(sql, job, count=count)
        await settled(sql)
        following = await due(sql, job)

    assert rows[-1]["status"] == status
    assert following == rows[-1]["end_time"] + timedelta(hours=1)


async def test_a_killed_run_is_followed_by_the_next(tmp_path, database_url, sql):
    async with a_service(tmp_path, database_url) as app:
        job = await a_job(sql, handler_name="wait")
        row = await running(sql, job)
        assert await due(sql, job) is None
        await local(app).control.kill(row["id"])
        (row,) = await ended(sql, job, count=1)
        await settled(sql)
        following = await due(sql, job)

    assert following == row["end_time"] + timedelta(hours=1)


async def test_the_death_of_a_replica_ends_the_delay_too(tmp_path, database_url, sql):
    async with Replica(tmp_path / "dead", database_url, **HASTY) as dead:
        job = await a_job(sql, handler_name="wait")
        await running(sql, job)
        await dead.kill_9()
        async with Replica(tmp_path / "heir", database_url, **HASTY):
            (row,) = await ended(sql, job, count=1, within=40)
            await settled(sql)
            following = await due(sql, job)

    assert row["status"] == "interrupted"
    assert following == row["end_time"] + timedelta(hours=1)


async def test_a_run_by_hand_moves_no_delay(tmp_path, database_url, sql):
    later = soon(600)
    async with a_service(tmp_path, database_url) as app:
        job = await a_job(sql, next_run_time=later)
        await local(app).control.execute(job)
        await ended(sql, job, count=1)
        await settled(sql)

    assert await due(sql, job) == later


async def test_changes_while_it_runs_leave_the_delay_to_its_end(tmp_path, database_url, sql):
    async with a_service(tmp_path, database_url) as app:
        jobs = JobService(app.storage.engine, SystemClock(), timezone="UTC")
        calendars = CalendarService(app.storage.engine, jobs)
        every_day = Calendar(name="all", working_weekdays=frozenset(range(1, 8)))
        await calendars.set(every_day)
        job = await a_job(sql, handler_name="wait", calendar_name="all")
        row = await running(sql, job)

        await calendars.set(every_day)
        assert await due(sql, job) is None
        await jobs.control(job, Action.STOP)
        assert (await jobs.control(job, Action.START)).next_run_time is None
        assert (await jobs.next_fires(job, 5)).times == []
        await jobs.update(job, (await jobs.get(job)).version, {"interval_seconds": 60})
        await local(app).control.kill(row["id"])
        (row,) = await ended(sql, job, count=1)
        await settled(sql)

    assert await due(sql, job) == row["end_time"] + timedelta(seconds=60)


async def test_a_delay_that_ends_on_a_day_off_is_moved_by_its_calendar(tmp_path, database_url, sql):
    async with a_service(tmp_path, database_url) as app:
        jobs = JobService(app.storage.engine, SystemClock(), timezone="UTC")
        day = (soon() + timedelta(days=2)).isoweekday()
        open_then = Calendar(name="one", working_weekdays=frozenset({day}))
        await CalendarService(app.storage.engine, jobs).set(open_then)
        job = await a_job(sql, calendar_name="one")
        await ended(sql, job, count=1)
        await settled(sql)
        following = await due(sql, job)

    assert following is not None
    assert following.isoweekday() == day


async def test_a_stopped_job_has_no_next_time_after_its_run(tmp_path, database_url, sql):
    async with a_service(tmp_path, database_url) as app:
        jobs = JobService(app.storage.engine, SystemClock(), timezone="UTC")
        job = await a_job(sql, handler_name="wait")
        row = await running(sql, job)
        await jobs.control(job, Action.STOP)
        await local(app).control.kill(row["id"])
        await ended(sql, job, count=1)
        await settled(sql)

    assert await due(sql, job) is None


async def test_a_late_fire_that_is_skipped_is_followed_by_the_next(tmp_path, database_url, sql):
    missed = soon(-1800)
    job = await a_job(sql, misfire_policy="skip", next_run_time=None)
    await sql.execute(
        f"""INSERT INTO {SCHEMA}.schedule_fire (job_id, fire_time, scheduled_time, trigger_type)
        VALUES ($1, $2, $2, 'interval')""",
        *(job, missed),
    )

    async with a_service(tmp_path, database_url):
        await settled(sql)
        await until(lambda: due(sql, job), lambda moment: moment and moment > soon())

    assert await runs_of(sql, job) == []
