from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

from executor.clock import SystemClock
from scheduler.job_control import Action
from scheduler.job_service import JobService
from tests.integration.alarm_service import QUICK, alarms_of, raised
from tests.integration.engine_service import (
    SCHEMA,
    a_service,
    add_dependency,
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


async def failed_once(sql, **retries: int) -> int:
    """A job of each hour whose first attempt has failed, and whose next one is planned."""
    job = await add_job(
        sql,
        handler_name="failUntil",
        params="9",
        schedule_type="interval",
        interval_seconds=3600,
        next_run_time=soon(),
        retry_strategy="fixed",
        **retries,
    )
    await attempt_planned(sql)
    return job


async def test_a_failed_run_is_tried_again_until_it_succeeds(tmp_path, database_url, sql):
    moment = soon(1)
    async with a_service(tmp_path, database_url):
        job = await add_job(
            sql,
            handler_name="failUntil",
            params="3",
            schedule_type="once",
            run_at=moment,
            next_run_time=moment,
            retry_strategy="linear",
            retry_count=5,
            retry_interval_seconds=1,
        )
        rows = await ended(sql, job, count=3)
        await settled(sql)

    assert [row["status"] for row in rows] == ["failed", "failed", "succeeded"]
    assert [row["attempt"] for row in rows] == [1, 2, 3]
    assert [row["trigger_type"] for row in rows] == ["once", "retry", "retry"]
    assert [row["first_log_id"] for row in rows] == [None, rows[0]["id"], rows[0]["id"]]
    assert {row["scheduled_time"] for row in rows} == {moment}
    waits = [later["trigger_time"] - before["end_time"] for before, later in pairwise(rows)]
    assert waits == [timedelta(seconds=1), timedelta(seconds=2)]
    gone = await sql.fetchval(f"SELECT deleted_at FROM {SCHEMA}.schedule_job WHERE id = $1", job)
    assert gone is not None


async def test_a_chain_of_attempts_ends_with_its_count(tmp_path, database_url, sql):
    async with a_service(tmp_path, database_url):
        job = await add_job(
            sql,
            handler_name="failUntil",
            params="9",
            schedule_type="once",
            run_at=soon(),
            next_run_time=soon(),
            retry_strategy="fixed",
            retry_count=1,
        )
        rows = await ended(sql, job, count=2)
        await settled(sql)

    assert [row["status"] for row in await runs_of(sql, job)] == ["failed"] * len(rows)
    assert len(rows) == 2


async def test_a_chain_of_attempts_survives_a_restart(tmp_path, database_url, sql):
    job = await add_job(
        sql,
        handler_name="failUntil",
        params="2",
        schedule_type="once",
        run_at=soon(),
        next_run_time=soon(),
        retry_strategy="fixed",
        retry_count=1,
        retry_interval_seconds=600,
    )
    async with a_service(tmp_path, database_url):
        await ended(sql, job, count=1)
        await attempt_planned(sql)

    await make_due(sql)
    async with a_service(tmp_path, database_url):
        rows = await ended(sql, job, count=2)

    assert [row["status"] for row in rows] == ["failed", "succeeded"]


async def test_a_job_that_was_stopped_is_not_tried_again_and_its_chain_has_its_alarm(
    tmp_path, database_url, sql
):
    async with a_service(tmp_path, database_url, **QUICK) as app:
        job = await add_job(
            sql,
            handler_name="untilThereInVain",
            params=str(tmp_path / "there"),
            schedule_type="interval",
            interval_seconds=3600,
            next_run_time=soon(),
            retry_strategy="fixed",
            retry_count=3,
        )
        await until(
            lambda: runs_of(sql, job), lambda rows: [r["status"] for r in rows] == ["running"]
        )
        await JobService(app.storage.engine, SystemClock(), timezone="UTC").control(
            job, Action.STOP
        )
        (tmp_path / "there").touch()
        await ended(sql, job, count=1)
        await settled(sql)
        (alarm,) = await raised(sql, job)

    assert [row["status"] for row in await runs_of(sql, job)] == ["failed"]
    assert alarm["notify_type"] == "failure"


async def test_a_stopped_job_is_tried_again_where_people_have_begun(tmp_path, database_url, sql):
    async with a_service(tmp_path, database_url, **QUICK) as app:
        job = await add_job(
            sql,
            handler_name="failUntil",
            params="3",
            status="stopped",
            retry_strategy="fixed",
            retry_count=3,
        )
        await local(app).control.execute(job)
        rows = await ended(sql, job, count=3)
        await settled(sql)

    assert [row["status"] for row in rows] == ["failed", "failed", "succeeded"]
    assert await alarms_of(sql, job) == []


async def test_an_attempt_that_is_dropped_by_a_stop_leaves_the_alarm_of_its_chain(
    tmp_path, database_url, sql
):
    async with a_service(tmp_path, database_url, **QUICK) as app:
        job = await failed_once(sql, retry_count=2, retry_interval_seconds=600)
        assert await alarms_of(sql, job) == []
        await JobService(app.storage.engine, SystemClock(), timezone="UTC").control(
            job, Action.STOP
        )
        (alarm,) = await raised(sql, job)

    assert alarm["content"] == "attempt 1 fails"


async def test_an_attempt_that_was_planned_as_its_job_was_stopped_is_dropped_with_an_alarm(
    tmp_path, database_url, sql
):
    """Its chain did not know of the stop yet."""
    async with a_service(tmp_path, database_url, **QUICK) as app:
        job = await failed_once(sql, retry_count=1, retry_interval_seconds=600)
        await sql.execute(f"UPDATE {SCHEMA}.schedule_job SET status = 'stopped'")
        await make_due(sql)
        local(app).engine.wake()
        await settled(sql)
        (alarm,) = await raised(sql, job)

    assert len(await runs_of(sql, job)) == 1
    assert alarm["notify_type"] == "failure"


async def test_a_join_runs_once_all_its_parents_have_succeeded(tmp_path, database_url, sql):
    async with a_service(tmp_path, database_url) as app:
        root = await add_job(sql)
        left, right = await add_job(sql), await add_job(sql, handler_name="pause", params="0.3")
        join = await add_job(sql)
        await add_dependency(sql, left, root)
        await add_dependency(sql, right, root)
        await add_dependency(sql, join, left, right)

        await local(app).control.execute(root)
        rows = await ended(sql, root, left, right, join, count=4)
        await settled(sql)

    assert [row["status"] for row in rows] == ["succeeded"] * 4
    by_job = {row["job_id"]: row for row in rows}
    assert len(by_job) == 4
    assert by_job[join]["trigger_type"] == "dependency"
    assert by_job[join]["trigger_time"] >= max(by_job[one]["end_time"] for one in (left, right))
    assert len(await runs_of(sql, root, left, right, join)) == 4
    known = await sql.fetch(
        f"SELECT parent_id, log_id, succeeded_at FROM {SCHEMA}.schedule_dependency WHERE job_id = $1",
        join,
    )
    assert {row["parent_id"]: row["log_id"] for row in known} == {
        one: by_job[one]["id"] for one in (left, right)
    }
    assert {row["succeeded_at"] for row in known} == {None}  # used up by this run


async def test_a_due_job_waits_for_the_job_it_depends_on(tmp_path, database_url, sql):
    async with a_service(tmp_path, database_url) as app:
        parent = await add_job(sql)
        child = await add_job(sql, schedule_type="none")
        await add_dependency(sql, child, parent)
        await sql.execute(
            f"""UPDATE {SCHEMA}.schedule_job SET schedule_type = 'interval',
            interval_seconds = 3600, next_run_time = $2 WHERE id = $1""",
            child,
            soon(1),
        )
        waiting = f"SELECT count(*) FROM {SCHEMA}.schedule_fire WHERE state = 'waiting'"
        await until(lambda: sql.fetchval(waiting), lambda count: count == 1)
        assert await runs_of(sql, child) == []

        await local(app).control.execute(parent)
        (row,) = await ended(sql, child, count=1)

    assert (row["status"], row["trigger_type"]) == ("succeeded", "interval")


async def test_a_job_that_waits_in_vain_is_given_up_with_an_alarm(tmp_path, database_url, sql):
    async with a_service(tmp_path, database_url, engine__dependency_wait_seconds=1):
        parent = await add_job(sql, job_no="JOB-PARENT", job_name="the parent")
        child = await add_job(sql, status="stopped")
        await add_dependency(sql, child, parent)
        await sql.execute(
            f"""UPDATE {SCHEMA}.schedule_job SET status = 'running', schedule_type = 'once',
            run_at = $2, next_run_time = $2 WHERE id = $1""",
            child,
            soon(),
        )
        (row,) = await ended(sql, child, count=1)
        await settled(sql)
        find = f"SELECT notify_type, content FROM {SCHEMA}.schedule_notify WHERE log_id = $1"
        alarm = await until(lambda: sql.fetchrow(find, row["id"]), lambda found: found)

    said = "waited too long for the success of JOB-PARENT (the parent)"
    assert (row["status"], row["result_message"]) == ("discarded", said)
    assert tuple(alarm) == ("missed", said)
