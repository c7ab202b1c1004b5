"""What becomes of planned and running fires when a job, or its calendar, is changed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from scheduler.calendar_service import CalendarService
from scheduler.engine.calendars import Calendar
from scheduler.job import Job, JobStatus, ScheduleType
from scheduler.job_control import Action
from scheduler.job_service import JobService
from tests.integration.engine_service import SCHEMA, soon

EVERY_DAY = Calendar(name="all", working_weekdays=frozenset(range(1, 8)))
HALF_AN_HOUR_AWAY = (datetime.now(UTC).minute + 30) % 60
HOURLY: dict[str, Any] = {
    "schedule_type": ScheduleType.CRON,
    "cron_expression": f"0 {HALF_AN_HOUR_AWAY} * * * ?",
}
PERIOD = timedelta(seconds=3600)
INTERVAL: dict[str, Any] = {"schedule_type": ScheduleType.INTERVAL, "interval_seconds": 3600}


@pytest.fixture
async def calendars(engine, jobs) -> CalendarService:
    calendars = CalendarService(engine, jobs)
    await calendars.set(EVERY_DAY)
    return calendars


async def a_job(jobs: JobService, **fields: Any) -> Job:
    """A running job that names the calendar."""
    given: dict[str, Any] = {"name": "a job", "handler": "note", "calendar_name": "all"} | fields
    return await jobs.create(Job(**given, status=JobStatus.RUNNING))


async def claimed(sql, job: Job, state: str = "planned", **columns: Any) -> datetime:
    """Have the next time of *job* planned, as the engine does; this time."""
    due = job.next_run_time
    assert due is not None
    following = None if job.schedule_type is ScheduleType.ONCE else due + PERIOD
    await sql.execute(
        f"UPDATE {SCHEMA}.schedule_job SET next_run_time = $2 WHERE id = $1", job.id, following
    )
    values = {
        "job_id": job.id,
        "fire_time": due,
        "scheduled_time": due,
        "trigger_type": job.schedule_type.value,
        "state": state,
    } | columns
    marks = ", ".join(f"${n}" for n in range(1, len(values) + 1))
    await sql.execute(
        f"INSERT INTO {SCHEMA}.schedule_fire ({', '.join(values)}) VALUES ({marks})",
        *values.values(),
    )
    return due


async def left(sql, job: Job) -> list[tuple[str, str]]:
    query = f"SELECT trigger_type, state FROM {SCHEMA}.schedule_fire WHERE job_id = $1 ORDER BY id"
    return [tuple(row) for row in await sql.fetch(query, job.id)]


async def noted(sql, job: Job) -> str:
    query = f"SELECT schedule_note FROM {SCHEMA}.schedule_job WHERE id = $1"
    return str(await sql.fetchval(query, job.id))


async def paused_and_resumed(jobs: JobService, _: CalendarService, job: Job) -> None:
    await jobs.control(job.id, Action.PAUSE)
    await jobs.control(job.id, Action.RESUME)


async def stopped_and_started(jobs: JobService, _: CalendarService, job: Job) -> None:
    await jobs.control(job.id, Action.STOP)
    await jobs.control(job.id, Action.START)


async def its_calendar_saved(_: JobService, calendars: CalendarService, __: Job) -> None:
    await calendars.set(EVERY_DAY)


async def its_zone_changed(jobs: JobService, _: CalendarService, job: Job) -> None:
    await jobs.update(job.id, job.version, {"timezone": "Etc/GMT+1"})


CHANGES = [paused_and_resumed, stopped_and_started, its_calendar_saved, its_zone_changed]


@pytest.mark.parametrize("change", CHANGES)
async def test_a_time_that_is_fired_already_is_not_due_again(jobs, calendars, sql, change):
    """A fire is marked in the moment before its time: until then that lies in the future."""
    job = await a_job(jobs, **HOURLY)
    due = await claimed(sql, job, state="fired")

    await change(jobs, calendars, job)

    assert (await jobs.get(job.id)).next_run_time == due + PERIOD
    assert await left(sql, job) == [("cron", "fired")]


@pytest.mark.parametrize("change", [its_calendar_saved, its_zone_changed])
@pytest.mark.parametrize("rule", [HOURLY, INTERVAL])
async def test_a_time_that_is_planned_is_planned_anew(jobs, calendars, sql, change, rule):
    job = await a_job(jobs, **rule)
    due = await claimed(sql, job)

    await change(jobs, calendars, job)

    assert (await jobs.get(job.id)).next_run_time == due
    assert await left(sql, job) == []


async def test_what_has_come_due_is_fired_whatever_is_changed_then(jobs, calendars, sql):
    job = await a_job(jobs, **INTERVAL)
    due = await claimed(sql, job, fire_time=soon(-2), scheduled_time=soon(-2))

    await calendars.set(EVERY_DAY)

    assert (await jobs.get(job.id)).next_run_time == due + PERIOD
    assert await left(sql, job) == [("interval", "planned")]


async def test_a_time_that_nobody_has_planned_in_time_is_not_forgotten(jobs, calendars, sql):
    job = await a_job(jobs, **HOURLY)
    missed = soon(-7200)
    await sql.execute(f"UPDATE {SCHEMA}.schedule_job SET next_run_time = $1", missed)

    await calendars.set(EVERY_DAY)

    assert (await jobs.get(job.id)).next_run_time == missed


@pytest.mark.parametrize("change", [its_calendar_saved, its_zone_changed])
@pytest.mark.parametrize(("state", "again"), [("planned", True), ("fired", False)])
async def test_a_job_that_runs_once_is_due_again_only_if_its_fire_was_taken_back(
    jobs, calendars, sql, change, state, again
):
    job = await a_job(jobs, schedule_type=ScheduleType.ONCE, run_at=soon(600))
    due = await claimed(sql, job, state=state)

    await change(jobs, calendars, job)

    assert (await jobs.get(job.id)).next_run_time == (due if again else None)


@pytest.mark.parametrize("is_claimed", [False, True])
async def test_a_job_whose_only_day_its_calendar_takes_away_says_so_until_it_has_one_again(
    jobs, calendars, sql, is_claimed
):
    run_at = soon(86_400)
    job = await a_job(jobs, schedule_type=ScheduleType.ONCE, run_at=run_at)
    if is_claimed:
        await claimed(sql, job)

    await calendars.set(replace(EVERY_DAY, closing_days=frozenset({run_at.date()})))
    taken_away = await noted(sql, job)
    await calendars.set(EVERY_DAY)

    assert taken_away == (
        "a change of its calendar or rule has taken away its last time,"
        f" {run_at:%Y-%m-%d %H:%M:%S} UTC"
    )
    assert await noted(sql, job) == ""
    assert (await jobs.get(job.id)).next_run_time == run_at


async def test_a_job_without_a_rule_any_more_has_lost_no_time_of_it(jobs, calendars, sql):
    run_at = soon(86_400)
    job = await a_job(jobs, schedule_type=ScheduleType.ONCE, run_at=run_at)
    await calendars.set(replace(EVERY_DAY, closing_days=frozenset({run_at.date()})))

    await jobs.update(job.id, job.version, {"schedule_type": ScheduleType.NONE})

    assert await noted(sql, job) == ""


@pytest.mark.parametrize("state", ["fired", "waiting"])
async def test_a_job_whose_only_run_is_under_way_when_its_day_is_taken_has_lost_nothing(
    jobs, calendars, sql, state
):
    run_at = soon(600)
    job = await a_job(jobs, schedule_type=ScheduleType.ONCE, run_at=run_at)
    await claimed(sql, job, state=state)

    await calendars.set(replace(EVERY_DAY, closing_days=frozenset({run_at.date()})))

    assert await noted(sql, job) == ""


async def test_a_job_that_has_run_once_is_not_due_again_while_it_is_tried_again(
    jobs, calendars, sql
):
    job = await a_job(jobs, schedule_type=ScheduleType.ONCE, run_at=soon(600))
    await claimed(sql, job, state="planned", trigger_type="retry", first_log_id=1, attempt=2)
    await sql.execute(f"UPDATE {SCHEMA}.schedule_job SET run_at = $1", soon(-5))

    await calendars.set(EVERY_DAY)

    assert (await jobs.get(job.id)).next_run_time is None


@pytest.mark.parametrize(
    ("before", "after", "first_s"),
    [
        ({**INTERVAL, "interval_seconds": 86_400}, {"interval_seconds": 60}, 60),
        (
            {"schedule_type": ScheduleType.CRON, "cron_expression": "0 0 0 1 1 ?"},
            {"schedule_type": ScheduleType.INTERVAL, "interval_seconds": 60},
            60,
        ),
    ],
)
async def test_a_new_interval_begins_when_it_is_set(jobs, calendars, before, after, first_s):
    job = await a_job(jobs, **before)

    changed = await jobs.update(job.id, job.version, after)

    assert changed.next_run_time is not None
    assert changed.next_run_time - soon() <= timedelta(seconds=first_s + 1)


@pytest.mark.parametrize("change", [its_calendar_saved, its_zone_changed])
@pytest.mark.parametrize(
    "columns",
    [
        {"trigger_type": "retry", "origin": "cron", "first_log_id": 1, "attempt": 2},
        {"state": "waiting"},
        {"state": "waiting", "trigger_type": "dependency"},
    ],
)
async def test_attempts_and_fires_that_wait_outlast_a_change_of_the_rule(
    jobs, calendars, sql, change, columns
):
    job = await a_job(jobs, **HOURLY)
    await claimed(sql, job, **columns)

    await change(jobs, calendars, job)

    assert len(await left(sql, job)) == 1


DROPPED: dict[str, dict[str, Any]] = {
    "planned": {},
    "waiting": {"state": "waiting"},
    "retries": {"trigger_type": "retry", "origin": "cron", "first_log_id": 1, "attempt": 2},
}


@pytest.mark.parametrize("action", [Action.PAUSE, Action.STOP])
async def test_what_is_dropped_with_the_schedule_is_in_the_audit(jobs, calendars, sql, action):
    job = await a_job(jobs, **HOURLY)
    for columns in DROPPED.values():
        await claimed(sql, job, **columns)

    await jobs.control(job.id, action)

    assert await left(sql, job) == []
    told = await sql.fetchval(
        f"SELECT detail::text FROM {SCHEMA}.schedule_audit WHERE action = $1", action.value
    )
    assert all(f'"{what}": 1' in told for what in DROPPED), told


@pytest.mark.parametrize("action", [Action.PAUSE, Action.STOP])
async def test_a_chain_that_people_have_begun_outlasts_pause_and_stop(jobs, calendars, sql, action):
    job = await a_job(jobs, **HOURLY)
    await claimed(sql, job, trigger_type="retry", origin="api", first_log_id=1, attempt=2)

    await jobs.control(job.id, action)

    assert await left(sql, job) == [("retry", "planned")]
    await jobs.delete(job.id)
    assert await left(sql, job) == []
