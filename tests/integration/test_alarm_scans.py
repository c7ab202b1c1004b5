"""What is found in the tables, each kind of problem in tables that show it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from scheduler.alarm_settings import AlarmsSection
from scheduler.alarms.model import Alarm, AlarmType
from scheduler.alarms.rule import Rule, Rules
from scheduler.alarms.scans import Scans
from tests.integration.engine_service import SCHEMA, add_job

MONTH = f"SELECT {SCHEMA}.ensure_log_partition(now() - $1::interval)"


@pytest.fixture
def scans() -> Scans:
    return Scans(AlarmsSection(), "UTC")


async def add_run(sql: asyncpg.Connection, job: int, **columns: Any) -> int:
    """A recorded run; times are seconds ago."""
    values: dict[str, Any] = {"status": "queued", "cluster": "local", "trigger_type": "cron"}
    values |= {"trigger_time": 0.0, "scheduled_time": columns.get("trigger_time", 0.0)} | columns
    ago = {name: float(value) for name, value in values.items() if name.endswith("_time")}
    for seconds in ago.values():
        await sql.execute(MONTH, timedelta(seconds=seconds))
    plain = {name: value for name, value in values.items() if name not in ago}
    names = [*plain, *ago]
    marks = [f"${n}" for n in range(2, len(plain) + 2)]
    marks += [f"now() - make_interval(secs => {seconds})" for seconds in ago.values()]
    run_id = await sql.fetchval(
        f"""INSERT INTO {SCHEMA}.schedule_log (job_id, admin_log_id, {", ".join(names)})
        VALUES ($1, (SELECT count(*) FROM {SCHEMA}.schedule_log), {", ".join(marks)}) RETURNING id""",
        job,
        *plain.values(),
    )
    return int(run_id)


def found(alarms: Iterable[Alarm]) -> list[tuple[AlarmType, int | None]]:
    return [(alarm.type, alarm.job_id) for alarm in alarms]


async def ago(sql: asyncpg.Connection, seconds: float) -> Any:
    return await sql.fetchval("SELECT now() - make_interval(secs => $1)", seconds)


async def test_a_planned_fire_that_nobody_fires_is_missed(sql, scans):
    job, fine = await add_job(sql), await add_job(sql)
    for each, seconds in ((job, 61), (fine, 30)):
        await sql.execute(
            f"""INSERT INTO {SCHEMA}.schedule_fire (job_id, fire_time, scheduled_time, trigger_type)
            VALUES ($1, $2, $2, 'cron')""",
            each,
            await ago(sql, seconds),
        )

    assert found(await scans.overdue(sql)) == [(AlarmType.MISSED_FIRE, job)]
    assert scans.overdue_seen


async def test_a_due_job_that_nobody_plans_is_missed(sql, scans):
    rule = {"schedule_type": "interval", "interval_seconds": 60}
    job = await add_job(sql, **rule, next_run_time=await ago(sql, 61))
    await add_job(sql, **rule, next_run_time=await ago(sql, 61), status="stopped")

    assert found(await scans.overdue(sql)) == [(AlarmType.MISSED_FIRE, job)]


async def test_a_job_whose_rule_cannot_be_used_is_missed(sql, scans):
    job = await add_job(sql, schedule_note="there is no zone Mars/Olympus")
    await add_job(sql, schedule_note="its rule gives no more times")

    (alarm,) = await scans.aside(sql)

    assert (alarm.job_id, alarm.content) == (job, "there is no zone Mars/Olympus")


async def test_a_run_that_has_not_begun_long_after_its_time_is_late(sql, scans):
    job = await add_job(sql)
    await add_run(sql, job, trigger_time=61)
    await add_run(sql, job, trigger_time=10)
    await add_run(sql, job, trigger_time=90, status="running", start_time=89)

    assert found(await scans.waiting(sql)) == [(AlarmType.STARTED_LATE, job)]


async def test_a_run_past_the_deadline_of_its_job_is_told(sql, scans):
    job, other = await add_job(sql), await add_job(sql)
    scans.rules = Rules.of([Rule(name="r", job_id=job, deadline=timedelta(seconds=5))])
    for each in (job, other):
        await add_run(sql, each, trigger_time=6, status="running", start_time=6)

    assert found(await scans.running(sql)) == [(AlarmType.SOFT_DEADLINE, job)]


@pytest.mark.parametrize(("took_ms", "slow"), [(10_000, True), (25_000, False)])
async def test_a_run_is_slow_past_twice_what_nearly_all_runs_take(sql, scans, took_ms, slow):
    job = await add_job(sql)
    for n in range(20):
        await add_run(sql, job, trigger_time=1000 + n, status="succeeded", duration_ms=took_ms)
    await add_run(sql, job, trigger_time=41, status="running", start_time=41)

    assert found(await scans.running(sql)) == [(AlarmType.SLOW, job)] * slow


async def test_of_few_runs_no_percentile_is_taken(sql, scans):
    job = await add_job(sql)
    for n in range(19):
        await add_run(sql, job, trigger_time=1000 + n, status="succeeded", duration_ms=1)
    await add_run(sql, job, trigger_time=600, status="running", start_time=600)

    assert found(await scans.running(sql)) == []


async def test_a_replica_that_is_silent_is_gone_and_comes_back(sql, scans):
    await sql.execute(
        f"INSERT INTO {SCHEMA}.schedule_replica (id, address, heartbeat_at) VALUES ('r1', 'http://a:1', $1)",
        await ago(sql, 31),
    )
    await sql.execute(f"INSERT INTO {SCHEMA}.schedule_replica (id) VALUES ('r2')")

    (alarm,) = await scans.gone(sql)
    (again,) = await scans.gone(sql)

    assert (alarm.type, alarm.breaks) == (AlarmType.EXECUTOR_GONE, "replica:r1")
    assert again.dedup_key == alarm.dedup_key

    await sql.execute(
        f"INSERT INTO {SCHEMA}.schedule_alarm_open (subject, notify_id, failed_at)"
        " VALUES ('replica:r1', 5, now())"
    )
    assert list(await scans.back(sql)) == []
    await sql.execute(f"UPDATE {SCHEMA}.schedule_replica SET heartbeat_at = now()")
    assert [one.type for one in await scans.back(sql)] == [AlarmType.RECOVERED]
    assert list(await scans.back(sql)) == []


async def test_a_lane_that_does_not_move_is_stuck(sql, scans):
    stuck, moving = await add_job(sql), await add_job(sql)
    for job, began in ((stuck, 400), (moving, 20)):
        await add_run(sql, job, trigger_time=400, status="running", start_time=began)
        await add_run(sql, job, trigger_time=350)
        await add_run(sql, job, trigger_time=340)

    (alarm,) = await scans.stuck(sql)

    assert (alarm.type, alarm.job_id, alarm.facts["waiting"]) == (AlarmType.QUEUE_STUCK, stuck, 2)


async def test_a_lane_of_short_runs_that_moves_is_not_stuck(sql, scans):
    job = await add_job(sql)
    for n in range(5):  # one began every two seconds, and none runs at the moment
        ran = {"status": "succeeded", "start_time": 10 - 2 * n, "end_time": 9 - 2 * n}
        await add_run(sql, job, trigger_time=1000 - n, **ran)
        await add_run(sql, job, trigger_time=900 - n)

    assert found(await scans.stuck(sql)) == []


async def test_a_lane_that_stays_stuck_is_one_alarm_whatever_becomes_of_its_head(sql, scans):
    job = await add_job(sql)
    head = await add_run(sql, job, trigger_time=900, status="running", start_time=800)
    await add_run(sql, job, trigger_time=700)
    (first,) = await scans.stuck(sql)
    await sql.execute(
        f"UPDATE {SCHEMA}.schedule_log SET status = 'killed', end_time = now() WHERE id = $1", head
    )
    (second,) = await scans.stuck(sql)

    assert first.dedup_key == second.dedup_key


async def add_admin_job(sql: asyncpg.Connection, number: int, **columns: Any) -> int:
    values = {"engine": "xxl", "cluster": "main", "admin_job_id": number}
    return await add_job(sql, job_no=f"XXL-main-{number}", **values, **columns)


async def test_a_time_that_an_admin_let_pass_is_missed(sql, scans):
    due = await ago(sql, 61)
    dropped = await add_admin_job(sql, 1, next_run_time=due)
    kept = await add_admin_job(sql, 2, next_run_time=due)
    await add_run(sql, kept, cluster="main", trigger_type="admin", trigger_time=60)

    unasked = await scans.expected(sql)
    assert found(unasked) == []

    await sql.execute(
        f"UPDATE {SCHEMA}.schedule_job SET mirrored_at = now(), next_run_time = now() + interval '1 h'"
    )
    assert found(await scans.expected(sql)) == [(AlarmType.MISSED_FIRE, dropped)]
    assert found(await scans.expected(sql)) == []


EXPECTED = f"UPDATE {SCHEMA}.schedule_expectation SET due_at = $1, noted_at = $2"
EDITED = f"""UPDATE {SCHEMA}.schedule_job SET mirrored_at = now(), next_run_time = now() + interval '1 h',
    admin_fields = jsonb_build_object('updated_at', $1::timestamptz)"""


@pytest.mark.parametrize(("edited", "missed"), [(100, False), (50, True), (200, True)])
async def test_a_time_that_people_have_moved_in_time_is_not_missed(sql, scans, edited, missed):
    job = await add_admin_job(sql, 1, next_run_time=await ago(sql, -30))
    await sql.execute(f"UPDATE {SCHEMA}.schedule_job SET update_time = now() - interval '1 h'")
    await scans.expected(sql)
    await sql.execute(EXPECTED, await ago(sql, 70), await ago(sql, 130))
    await sql.execute(EDITED, await ago(sql, edited))

    assert found(await scans.expected(sql)) == [(AlarmType.MISSED_FIRE, job)] * missed


async def test_a_time_that_a_change_has_left_as_it_was_is_expected_anew(sql, scans):
    job = await add_admin_job(sql, 1, next_run_time=await ago(sql, -30))
    await sql.execute(f"UPDATE {SCHEMA}.schedule_job SET update_time = now() - interval '10 s'")
    await scans.expected(sql)
    await scans.expected(sql)
    await sql.execute(EXPECTED, await ago(sql, 70), await ago(sql, 75))
    await sql.execute(EDITED, await ago(sql, 80))
    await sql.execute(f"UPDATE {SCHEMA}.schedule_job SET update_time = now() - interval '1 h'")

    assert found(await scans.expected(sql)) == [(AlarmType.MISSED_FIRE, job)]


async def test_an_admin_that_cannot_be_asked_is_not_waited_for_forever(sql, scans):
    job = await add_admin_job(sql, 1, next_run_time=await ago(sql, 400))

    (alarm,) = await scans.expected(sql)

    assert (alarm.job_id, alarm.content) == (
        job,
        "nothing was triggered, and the Admin could not be asked",
    )
