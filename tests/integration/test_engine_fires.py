from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from executor.clock import SystemClock
from tests.integration.engine_service import (
    SCHEMA,
    a_service,
    add_job,
    ended,
    local,
    runs_of,
    settled,
    soon,
    until,
)


async def test_an_interval_job_put_in_by_sql_fires_and_leaves_its_rows(tmp_path, database_url, sql):
    async with a_service(tmp_path, database_url, handlers__modules="handlers"):
        begin = soon(1)
        job = await add_job(
            sql,
            handler_name="sampleAsync",
            schedule_type="interval",
            interval_seconds=1,
            next_run_time=begin,
            misfire_policy="fire_all",  # however slow this machine is, no time is left out
        )
        rows = await ended(sql, job, count=2)

    first, second = rows[:2]
    assert (first["status"], first["result_message"]) == ("succeeded", "3 steps done")
    assert (first["trigger_type"], first["cluster"], first["attempt"]) == ("interval", "local", 1)
    assert [row["scheduled_time"] for row in (first, second)] == [
        begin,
        begin + timedelta(seconds=1),
    ]
    assert first["admin_log_id"] == first["id"]
    left = await sql.fetch(f"SELECT state, owner FROM {SCHEMA}.schedule_fire")
    assert {tuple(row) for row in left} <= {("planned", None)}  # others may have them


async def test_a_cron_job_fires_at_its_seconds(tmp_path, database_url, sql):
    async with a_service(tmp_path, database_url):
        job = await add_job(
            sql,
            schedule_type="cron",
            cron_expression="* * * * * ?",
            timezone="Asia/Shanghai",
            next_run_time=soon(1),
            misfire_policy="fire_all",
        )
        rows = await ended(sql, job, count=3)

    times = [row["scheduled_time"] for row in rows[:3]]
    assert times == [times[0] + timedelta(seconds=n) for n in range(3)]
    assert all(row["start_time"] >= row["scheduled_time"] for row in rows)


async def test_a_job_that_runs_once_is_deleted_after_its_run(tmp_path, database_url, sql):
    moment = soon(1)
    async with a_service(tmp_path, database_url):
        job = await add_job(sql, schedule_type="once", run_at=moment, next_run_time=moment)
        (row,) = await ended(sql, job, count=1)
        await settled(sql)
        left = await sql.fetchrow(
            f"SELECT status, next_run_time, deleted_at FROM {SCHEMA}.schedule_job WHERE id = $1",
            job,
        )

    assert (row["status"], row["trigger_type"]) == ("succeeded", "once")
    assert (left["status"], left["next_run_time"]) == ("stopped", None)
    assert left["deleted_at"] is not None


async def test_the_record_of_a_run_is_found_by_its_fire_whatever_its_due_time(
    tmp_path, database_url, sql
):
    moment = soon() + timedelta(microseconds=123_956)
    async with a_service(tmp_path, database_url):
        job = await add_job(
            sql, handler_name="wait", schedule_type="once", run_at=moment, next_run_time=moment
        )
        await until(
            lambda: runs_of(sql, job), lambda rows: [row["status"] for row in rows] == ["running"]
        )
        found = await sql.fetch(
            f"""SELECT l.id FROM {SCHEMA}.schedule_fire f JOIN {SCHEMA}.schedule_log l
            ON l.trigger_time = f.fire_time AND l.admin_log_id = f.id WHERE f.job_id = $1""",
            job,
        )

    assert len(found) == 1


async def test_a_job_that_cannot_be_read_is_put_aside_with_its_reason(tmp_path, database_url, sql):
    moment = soon(1)
    bad = [
        await add_job(sql, schedule_type="cron", cron_expression="often", next_run_time=moment),
        await add_job(
            sql,
            schedule_type="cron",
            cron_expression="* * * * * ?",
            timezone="Mars/Olympus",
            next_run_time=moment,
        ),
        await add_job(
            sql,
            schedule_type="interval",
            interval_seconds=1,
            calendar_name="lost",
            next_run_time=moment,
        ),
    ]
    async with a_service(tmp_path, database_url):
        good = await add_job(sql, schedule_type="once", run_at=moment, next_run_time=moment)
        await ended(sql, good, count=1)

    rows = await sql.fetch(
        f"SELECT next_run_time, schedule_note FROM {SCHEMA}.schedule_job"
        " WHERE id = ANY ($1) ORDER BY id",
        bad,
    )
    assert [row["next_run_time"] for row in rows] == [None] * 3
    cron, zone, calendar = (row["schedule_note"] for row in rows)
    assert cron.startswith("the cron expression 'often' cannot be read: a cron expression has")
    assert (zone, calendar) == (
        "there is no time zone 'Mars/Olympus'",
        "there is no calendar 'lost'",
    )
    assert await runs_of(sql, *bad) == []


async def test_a_handler_that_is_not_there_fails_the_run(tmp_path, database_url, sql):
    async with a_service(tmp_path, database_url):
        job = await add_job(
            sql,
            handler_name="nowhere",
            schedule_type="once",
            run_at=soon(),
            next_run_time=soon(),
        )
        (row,) = await ended(sql, job, count=1)
        await settled(sql)

    assert (row["status"], row["result_message"]) == ("failed", "job handler [nowhere] not found.")


async def test_a_new_job_is_heard_of_within_a_second(tmp_path, database_url, sql):
    """The best of several: this machine may be busy."""
    delays = []
    async with a_service(tmp_path, database_url) as app:
        async with asyncio.timeout(10):
            await local(app).listener.listening.wait()
        for _ in range(5):
            added = datetime.now(UTC)
            job = await add_job(sql, schedule_type="once", run_at=added, next_run_time=added)
            (row,) = await ended(sql, job, count=1)
            delays.append(row["start_time"] - added)

    assert min(delays) < timedelta(seconds=1)


async def test_a_job_that_is_stopped_after_it_was_planned_does_not_fire(
    tmp_path, database_url, sql, monkeypatch
):
    async with a_service(tmp_path, database_url, engine__claim_ahead_seconds=60):
        moment = soon(55)
        job = await add_job(sql, schedule_type="once", run_at=moment, next_run_time=moment)
        planned = f"SELECT count(*) FROM {SCHEMA}.schedule_fire WHERE job_id = {job}"
        await until(lambda: sql.fetchval(planned), lambda count: count > 0)
        await sql.execute(f"UPDATE {SCHEMA}.schedule_job SET status = 'paused' WHERE id = {job}")
        # its moment has come, and another job has the timer looked at
        monkeypatch.setattr(SystemClock, "now_ms", lambda _: int(moment.timestamp() * 1000))
        await add_job(sql, schedule_type="once", run_at=moment, next_run_time=moment)
        await settled(sql)

    assert await runs_of(sql, job) == []


MISFIRES = {
    "fire_once": [0],
    "skip": [],
    "fire_all": [0, 60, 120, 180],
}


async def test_missed_times_are_made_up_as_the_policy_says(tmp_path, database_url, sql):
    """Nobody was there for a bit more than three minutes."""
    missed = soon(-200)
    jobs = {
        policy: await add_job(
            sql,
            schedule_type="interval",
            interval_seconds=60,
            misfire_policy=policy,
            next_run_time=missed,
        )
        for policy in MISFIRES
    }
    async with a_service(tmp_path, database_url):
        rows = await ended(sql, *jobs.values(), count=5)

    for policy, seconds in MISFIRES.items():
        times = [row["scheduled_time"] for row in rows if row["job_id"] == jobs[policy]]
        assert sorted(times) == [missed + timedelta(seconds=s) for s in seconds], policy
    following = await sql.fetch(f"SELECT DISTINCT next_run_time FROM {SCHEMA}.schedule_job")
    assert [tuple(row) for row in following] == [(missed + timedelta(seconds=240),)]


async def test_a_missed_time_of_a_job_that_runs_once_is_made_up_or_explained(
    tmp_path, database_url, sql
):
    missed = soon(-3600)
    late, skipped = [
        await add_job(
            sql,
            schedule_type="once",
            run_at=missed,
            next_run_time=missed,
            misfire_policy=policy,
        )
        for policy in ("fire_once", "skip")
    ]
    async with a_service(tmp_path, database_url):
        (row,) = await ended(sql, late, count=1)
        await settled(sql)
        note = await sql.fetchval(
            f"SELECT schedule_note FROM {SCHEMA}.schedule_job WHERE id = $1", skipped
        )

    assert row["scheduled_time"] == missed
    assert note == (
        "its last time passed while nobody could fire, and its misfire policy skips such times"
    )
    assert await runs_of(sql, skipped) == []
