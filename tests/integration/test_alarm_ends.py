"""Ends of runs as alarms, in a whole service."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import pytest

from tests.integration.alarm_service import QUICK, add_rule, alarms_of, deliveries, judged, raised
from tests.integration.engine_service import (
    SCHEMA,
    a_service,
    add_job,
    attempt_planned,
    ended,
    local,
    make_due,
    runs_of,
    settled,
    soon,
    until,
)


def failing(**columns: object) -> dict[str, object]:
    """A job whose runs fail before attempt 9, due now, once."""
    moment = soon()
    return {
        "handler_name": "failUntil",
        "params": "9",
        "schedule_type": "once",
        "run_at": moment,
        "next_run_time": moment,
    } | columns


async def test_a_failed_run_raises_one_alarm_that_says_what_happened(tmp_path, database_url, sql):
    async with a_service(tmp_path, database_url, **QUICK):
        job = await add_job(sql, job_name="stock", **failing())
        (run,) = await ended(sql, job, count=1)
        (alarm,) = await raised(sql, job)

    assert (alarm["notify_type"], alarm["level"], alarm["log_id"]) == (
        "failure",
        "error",
        run["id"],
    )
    assert (alarm["title"], alarm["content"]) == ("stock has failed", "attempt 1 fails")
    assert (alarm["send_status"], alarm["handle_status"]) == ("pending", "pending")
    assert '"jobName":"stock"' in alarm["facts"].replace(" ", "")


async def test_everybody_who_acts_is_told_where_there_is_no_rule(tmp_path, database_url, sql):
    people = '[{"name": "ann", "role": "admin", "token": "a"}, {"name": "otto", "role": "operator",'
    people += ' "token": "b"}, {"name": "vera", "role": "viewer", "token": "c"}]'
    async with a_service(tmp_path, database_url, scheduler__tokens=people, **QUICK):
        job = await add_job(sql, **failing())
        (alarm,) = await raised(sql, job)

    owed = await deliveries(sql)
    assert {(row["channel"], row["receiver"]) for row in owed} == {
        ("in_site", "ann"),
        ("in_site", "otto"),
    }
    assert all(row["alarms"] == [alarm["id"]] for row in owed)


async def test_a_chain_of_attempts_raises_one_alarm_when_it_is_over(tmp_path, database_url, sql):
    retried = {"retry_strategy": "fixed", "retry_count": 2, "retry_interval_seconds": 0}
    async with a_service(tmp_path, database_url, **QUICK):
        job = await add_job(sql, **failing(**retried))
        runs = await ended(sql, job, count=3)
        await settled(sql)
        await judged(sql)
        alarms = await alarms_of(sql, job)

    assert [(alarm["notify_type"], alarm["log_id"]) for alarm in alarms] == [
        ("retry", runs[2]["id"])
    ]


async def test_a_chain_whose_next_attempt_is_refused_raises_one_alarm(tmp_path, database_url, sql):
    retried = {"retry_strategy": "fixed", "retry_count": 1, "retry_interval_seconds": 600}
    async with a_service(tmp_path, database_url, **QUICK) as app:
        job = await add_job(
            sql, handler_name="failOrWait", block_strategy="DISCARD_LATER", **retried
        )
        await local(app).control.execute(job, "fail")
        await attempt_planned(sql)
        waiting = await local(app).control.execute(job, "")
        assert waiting is not None
        await make_due(sql)
        local(app).engine.wake()
        failed, refused = await ended(sql, job, count=2)
        await local(app).control.kill(waiting)
        await settled(sql)
        await judged(sql)
        (alarm,) = await alarms_of(sql, job)

    assert (failed["status"], refused["status"]) == ("failed", "discarded")
    assert (alarm["notify_type"], alarm["log_id"]) == ("retry", refused["id"])


async def test_a_due_time_that_a_full_lane_refuses_is_missed(tmp_path, database_url, sql):
    async with a_service(tmp_path, database_url, executor__max_waiting=1, **QUICK) as app:
        job = await add_job(
            sql,
            handler_name="wait",
            schedule_type="interval",
            interval_seconds=1,
            next_run_time=soon(1),
        )
        (alarm, *_) = await raised(sql, job)
        await sql.execute(
            f"UPDATE {SCHEMA}.schedule_job SET next_run_time = NULL, status = 'stopped'"
        )

        async def kill_all() -> int:
            """One that was on its way when the job was stopped may begin once there is room."""
            for run in await runs_of(sql, job):
                await local(app).control.kill(run["id"])
            return int(await sql.fetchval(f"SELECT count(*) FROM {SCHEMA}.schedule_fire"))

        await until(kill_all, lambda left: left == 0)

    assert (alarm["notify_type"], alarm["content"]) == (
        "missed",
        "the job already has 1 runs waiting",
    )


async def test_a_chain_that_succeeds_in_the_end_raises_none(tmp_path, database_url, sql):
    retried = {"retry_strategy": "fixed", "retry_count": 2, "retry_interval_seconds": 0}
    async with a_service(tmp_path, database_url, **QUICK):
        job = await add_job(sql, **failing(params="2", **retried))
        await ended(sql, job, count=2)
        await judged(sql)

        assert await alarms_of(sql, job) == []


async def test_a_rule_may_ask_for_every_attempt(tmp_path, database_url, sql):
    await add_rule(sql, every_attempt=True)
    retried = {"retry_strategy": "fixed", "retry_count": 1, "retry_interval_seconds": 0}
    async with a_service(tmp_path, database_url, **QUICK):
        job = await add_job(sql, **failing(**retried))
        first, last = await raised(sql, job, count=2)

    assert (first["notify_type"], last["notify_type"]) == ("failure", "retry")


async def test_a_run_that_was_stopped_at_its_limit_is_a_timeout(tmp_path, database_url, sql):
    async with a_service(tmp_path, database_url, **QUICK):
        job = await add_job(sql, **failing(handler_name="wait", params="", timeout_seconds=1))
        (alarm,) = await raised(sql, job)

    assert alarm["notify_type"] == "timeout"


async def test_a_killed_run_raises_none(tmp_path, database_url, sql):
    async with a_service(tmp_path, database_url, **QUICK) as app:
        job = await add_job(sql, handler_name="wait")
        log_id = await local(app).control.execute(job)
        assert log_id is not None
        await local(app).control.kill(log_id)
        await ended(sql, job, count=1)
        await judged(sql)

        assert await alarms_of(sql, job) == []


async def test_the_first_success_after_a_failure_is_told(tmp_path, database_url, sql):
    async with a_service(tmp_path, database_url, **QUICK) as app:
        job = await add_job(sql, handler_name="failUntil", params="9")
        await local(app).control.execute(job)
        await raised(sql, job)
        good = await local(app).control.execute(job, "1")
        _, recovered = await raised(sql, job, count=2)
        await local(app).control.execute(job, "1")
        await ended(sql, job, count=3)
        await judged(sql)
        alarms = await alarms_of(sql, job)

    assert (recovered["notify_type"], recovered["level"]) == ("recovered", "info")
    assert recovered["log_id"] == good
    assert len(alarms) == 2


async def test_no_alarm_is_raised_where_alarms_are_off(tmp_path, database_url, sql):
    async with a_service(tmp_path, database_url, alarms__enabled=False):
        job = await add_job(sql, **failing())
        await ended(sql, job, count=1)
        await settled(sql)

    assert await alarms_of(sql, job) == []


@pytest.mark.parametrize(("policy", "lost_s"), [("skip", 100), ("fire_once", 90)])
async def test_due_times_that_nothing_makes_up_are_missed(
    tmp_path, database_url, sql, policy, lost_s
):
    now = soon()
    job = await add_job(
        sql,
        schedule_type="interval",
        interval_seconds=10,
        next_run_time=now - timedelta(seconds=100),
        misfire_policy=policy,
    )
    async with a_service(tmp_path, database_url, **QUICK):
        alarms = await until(
            lambda: alarms_of(sql, job),
            lambda rows: any(row["notify_type"] == "missed" for row in rows),
        )

    (alarm,) = [row for row in alarms if row["notify_type"] == "missed"]
    assert alarm["log_id"] is None
    due = json.loads(alarm["facts"])["dueTime"]
    assert datetime.fromisoformat(due) == now - timedelta(seconds=lost_s)
