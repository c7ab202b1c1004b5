"""Runs of Admins are judged once it is known whether they were tried again; nothing is judged twice."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import asyncpg

from executor.model import Trigger
from executor.run_alarm import Level, RunAlarm
from scheduler.alarms.events import Judge
from scheduler.alarms.intake import Said, take_events
from scheduler.alarms.routing import People, Router
from scheduler.alarms.rule import Rules
from scheduler.alarms.statements import sql as statement
from scheduler.alarms.store import Keeper
from tests.integration.alarm_service import alarms_of
from tests.integration.engine_service import SCHEMA
from tests.integration.test_alarm_scans import add_admin_job, add_run

SECOND = timedelta(seconds=1)
EVENTS = f"SELECT count(*) FROM {SCHEMA}.schedule_alarm_event"
FAILED = {"cluster": "main", "trigger_type": "admin", "status": "failed"}


async def take(sql: asyncpg.Connection, most: int = 100) -> int:
    return await take_events(sql, keeper(), Judge(Rules(), 60 * SECOND), most)


def keeper() -> Keeper:
    people = People({"admin": ["ann"]})
    return Keeper(Router(rules=Rules(), people=people, wait=SECOND, window=SECOND), storm_s=15)


async def happened(sql: asyncpg.Connection, job: int, **columns: Any) -> int:
    """A run that has ended badly, by its id; times are seconds ago."""
    run_id = await add_run(sql, job, **columns)
    await sql.execute(
        f"""INSERT INTO {SCHEMA}.schedule_alarm_event (kind, job_id, log_id, at)
        SELECT 'ended', job_id, id, trigger_time FROM {SCHEMA}.schedule_log WHERE id = $1""",
        run_id,
    )
    return run_id


async def time_passes(sql: asyncpg.Connection) -> None:
    await sql.execute(f"UPDATE {SCHEMA}.schedule_alarm_event SET not_before = now()")


async def test_an_admins_failed_run_that_was_tried_again_is_no_alarm(sql):
    job = await add_admin_job(sql, 1, retry_strategy="fixed", retry_count=1)
    first = await happened(sql, job, trigger_time=30, **FAILED)

    assert await take(sql) == 1
    assert await alarms_of(sql, job) == []

    await happened(sql, job, trigger_time=20, attempt=2, first_log_id=first, **FAILED)
    await time_passes(sql)
    await take(sql)

    (alarm,) = await alarms_of(sql, job)
    assert alarm["notify_type"] == "retry"
    assert await sql.fetchval(EVENTS) == 0


async def test_an_admins_failed_run_that_was_not_tried_again_is_one(sql):
    job = await add_admin_job(sql, 1, retry_strategy="fixed", retry_count=1)
    await happened(sql, job, trigger_time=30, **FAILED)
    await take(sql)
    assert await take(sql) == 0
    await time_passes(sql)
    await take(sql)

    assert [row["notify_type"] for row in await alarms_of(sql, job)] == ["failure"]


async def test_an_event_is_judged_by_one_replica_only(sql, database_url):
    job = await add_admin_job(sql, 1)
    for n in range(3):
        await happened(sql, job, trigger_time=n, **FAILED)
    other = await asyncpg.connect(database_url)

    async with sql.transaction():
        assert len(await sql.fetch(statement("take_events"), 2)) == 2
        assert await take(other) == 1
    await other.close()


WARNED = Trigger(cluster="main", log_id=5, triggered_ms=10**17, job_id=7, handler="warn", params="")


async def test_what_is_said_in_a_run_of_no_date_is_kept_and_keeps_up_nothing(sql):
    said = Said()
    said.hear(WARNED, RunAlarm(Level.ERROR, "stock below zero"))
    for _ in range(5):  # its run is not recorded, and waited for
        await said.tell(sql, keeper())

    (alarm,) = await alarms_of(sql, None)
    assert (alarm["title"], len(said)) == ("stock below zero", 0)


async def test_an_event_that_cannot_be_judged_keeps_up_no_other(sql):
    job = await add_admin_job(sql, 1)
    odd, fine = [await happened(sql, job, trigger_time=n, **FAILED) for n in (2, 1)]
    await sql.execute(
        f"UPDATE {SCHEMA}.schedule_alarm_event SET kind = 'late' WHERE log_id = $1", odd
    )
    await sql.execute(
        f"UPDATE {SCHEMA}.schedule_log SET start_time = now(), scheduled_time = '-infinity' WHERE id = $1",
        odd,
    )

    await take(sql)

    assert [row["log_id"] for row in await alarms_of(sql, job)] == [fine]


async def test_what_nobody_has_looked_at_for_a_day_is_forgotten(sql):
    job = await add_admin_job(sql, 1)
    await happened(sql, job, trigger_time=90_000, **FAILED)
    await happened(sql, job, trigger_time=10, **FAILED)

    await sql.execute(statement("drop_events"))
    refused = await sql.fetchrow(statement("drop_oldest"))

    assert refused is not None
    assert await sql.fetchval(EVENTS) == 0
