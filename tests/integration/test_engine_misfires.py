"""Fires that were planned in time, and come late: after a stop, a crash, an outage, a restore."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest

from scheduler.engine.fires import Fires
from tests.integration.alarm_service import QUICK, alarms_of
from tests.integration.engine_service import (
    LIMIT_S,
    SCHEMA,
    a_service,
    add_job,
    ended,
    runs_of,
    settled,
    soon,
    until,
)

HOUR = timedelta(hours=1)


async def a_job(sql, *, policy: str, due: datetime, planned: int = 1, **columns: Any) -> int:
    """An hourly job whose first times from *due* on are planned, and fired by nobody."""
    job = await add_job(
        sql,
        schedule_type="interval",
        interval_seconds=3600,
        misfire_policy=policy,
        **{"next_run_time": due + planned * HOUR, **columns},
    )
    await sql.executemany(
        f"""INSERT INTO {SCHEMA}.schedule_fire (job_id, fire_time, scheduled_time, trigger_type)
        VALUES ($1, $2, $2, 'interval')""",
        [(job, due + n * HOUR) for n in range(planned)],
    )
    return job


async def times_of(sql, job: int) -> list[datetime]:
    return sorted(row["scheduled_time"] for row in await runs_of(sql, job))


async def test_a_late_fire_is_skipped_where_its_job_skips_and_that_is_told(
    tmp_path, database_url, sql
):
    due = soon(-1800)
    job = await a_job(sql, policy="skip", due=due)

    async with a_service(tmp_path, database_url, **QUICK):
        await settled(sql)
        (alarm,) = await until(lambda: alarms_of(sql, job), lambda rows: rows)

    assert await runs_of(sql, job) == []
    assert alarm["notify_type"] == "missed"


@pytest.mark.parametrize(
    ("policy", "made_up"), [("fire_once", [0]), ("fire_all", [0, 1, 2, 3, 4]), ("skip", [])]
)
async def test_late_fires_and_times_that_nobody_planned_are_one_misfire(
    tmp_path, database_url, sql, policy, made_up
):
    """Two were planned before all went down, three more came due meanwhile."""
    due = soon(-4.5 * 3600)
    job = await a_job(sql, policy=policy, due=due, planned=2)

    async with a_service(tmp_path, database_url):
        query = f"SELECT next_run_time FROM {SCHEMA}.schedule_job WHERE id = {job}"
        following = await until(lambda: sql.fetchval(query), lambda time: time > soon())
        await settled(sql)

    assert await times_of(sql, job) == [due + n * HOUR for n in made_up]
    assert following == due + 5 * HOUR


@pytest.mark.parametrize(("policy", "fired"), [("fire_once", [0, 1, 2]), ("skip", [0, 1])])
async def test_planned_fires_of_a_limited_group_are_never_missed(
    tmp_path, database_url, sql, policy, fired
):
    """Two have waited for a place, and may have been held by a replica that is gone."""
    due = soon(-4.5 * 3600)
    job = await a_job(sql, policy=policy, due=due, planned=2, job_group="narrow")

    async with a_service(tmp_path, database_url, engine__groups='[{"name":"narrow","most":1}]'):
        query = f"SELECT next_run_time FROM {SCHEMA}.schedule_job WHERE id = {job}"
        await until(lambda: sql.fetchval(query), lambda time: time > soon())
        await settled(sql)

    assert await times_of(sql, job) == [due + n * HOUR for n in fired]


async def test_of_the_late_fires_of_a_dead_replica_one_is_made_up(tmp_path, database_url, sql):
    """All others have gone on: the next time lies ahead."""
    due = soon(-2.5 * 3600)
    job = await a_job(sql, policy="fire_once", due=due, planned=3)

    async with a_service(tmp_path, database_url, **QUICK):
        await ended(sql, job, count=1)
        await settled(sql)
        said = "it is not made up by the policy fire_once"
        await until(
            lambda: alarms_of(sql, job),
            lambda alarms: [one for one in alarms if one["content"].endswith(said)],
        )

    assert await times_of(sql, job) == [due]


async def test_a_job_that_runs_once_and_skips_says_that_its_time_has_passed(
    tmp_path, database_url, sql
):
    due = soon(-60)
    job = await a_job(sql, policy="skip", due=due, run_at=due, next_run_time=None)
    await sql.execute(f"UPDATE {SCHEMA}.schedule_job SET schedule_type = 'once'")
    await sql.execute(f"UPDATE {SCHEMA}.schedule_fire SET trigger_type = 'once'")

    async with a_service(tmp_path, database_url):
        await settled(sql)
        query = f"SELECT schedule_note FROM {SCHEMA}.schedule_job WHERE id = {job}"
        await until(lambda: sql.fetchval(query), lambda note: "misfire policy skips" in note)

    assert await runs_of(sql, job) == []


async def test_a_late_fire_that_another_replica_is_firing_is_not_missed(engine, sql):
    """It is marked there, and that is not committed."""
    now = soon()
    job = await a_job(sql, policy="skip", due=now - HOUR / 2)
    fire = await sql.fetchval(f"SELECT id FROM {SCHEMA}.schedule_fire WHERE job_id = $1", job)
    fires = Fires(engine, "another", lease_s=5, wait_s=5, most_retries=1, groups={})
    async with sql.transaction():
        await sql.execute(f"UPDATE {SCHEMA}.schedule_fire SET state = 'fired'")
        await asyncio.wait_for(fires.drop_missed([fire], now), LIMIT_S)

    assert await sql.fetchval(f"SELECT state FROM {SCHEMA}.schedule_fire") == "fired"
    assert await sql.fetchval(f"SELECT count(*) FROM {SCHEMA}.schedule_alarm_event") == 0
