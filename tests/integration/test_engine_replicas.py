"""Several services on one database, as processes that may die at any moment."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

import asyncpg
import psutil
import pytest

from scheduler.engine.identity import replica_id
from scheduler.engine.link import DatabaseAway
from scheduler.settings import load
from tests.integration.engine_service import (
    LIMIT_S,
    SCHEMA,
    Replica,
    a_service,
    add_job,
    ended,
    local,
    runs_of,
    settings_for,
    settled,
    soon,
    until,
)

HASTY = {"engine__lease_seconds": 5, "engine__interrupt_after_seconds": 5}
JOBS = 30
KILLS = 4


async def test_replicas_that_die_fire_each_time_once_or_tell_its_interruption(
    tmp_path, database_url, sql
):
    notes = tmp_path / "notes"
    notes.touch()
    replicas = [Replica(tmp_path / f"r{n}", database_url, **HASTY) for n in range(3)]
    try:
        await asyncio.gather(*(replica.start() for replica in replicas))
        begin = soon(2)
        jobs = [
            await add_job(
                sql,
                params=str(notes),
                schedule_type="interval",
                interval_seconds=1,
                next_run_time=begin,
                misfire_policy="fire_all",  # however slow this machine is, no time is left out
            )
            for _ in range(JOBS)
        ]
        await ended(sql, *jobs, count=2 * JOBS, within=40)
        for n in range(KILLS):
            victim = replicas[n % 2]
            await victim.kill_9()
            count = len(await runs_of(sql, *jobs))
            await ended(sql, *jobs, count=count + 2 * JOBS, within=40)
            if n < KILLS - 1:  # the last one stays dead
                await victim.start()
        # plan nothing more; what a dead replica had planned is still to come
        await sql.execute(f"UPDATE {SCHEMA}.schedule_job SET next_run_time = NULL")
        await settled(sql, within=40)
    finally:
        for replica in replicas:
            await replica.__aexit__()

    rows = await runs_of(sql, *jobs)
    states = Counter(row["status"] for row in rows)
    assert set(states) <= {"succeeded", "interrupted"}, states
    for job in jobs:
        times = sorted(row["scheduled_time"] for row in rows if row["job_id"] == job)
        assert times == [begin + timedelta(seconds=n) for n in range(len(times))]
    executed = Counter(int(line.split()[0]) for line in notes.read_text().splitlines())
    assert max(executed.values()) == 1
    succeeded = {row["id"] for row in rows if row["status"] == "succeeded"}
    assert succeeded <= executed.keys() <= {row["id"] for row in rows}


async def test_what_a_dead_replica_ran_is_told_by_another_and_tried_again(
    tmp_path, database_url, sql
):
    dead = Replica(tmp_path / "dead", database_url, **HASTY)
    async with dead:
        job = await add_job(
            sql,
            handler_name="waitOnce",
            params=str(tmp_path / "begun"),
            schedule_type="once",
            run_at=soon(),
            next_run_time=soon(),
            retry_strategy="fixed",
            retry_count=1,
        )
        await until(
            lambda: runs_of(sql, job),
            lambda rows: [row["status"] for row in rows] == ["running"],
        )
        await dead.kill_9()
        async with Replica(tmp_path / "heir", database_url, **HASTY):
            rows = await ended(sql, job, count=2, within=40)
            await settled(sql)
            await dead.start()  # it comes back, and has nothing to add
            assert await dead.stop() == 0
            again = await runs_of(sql, job)

    assert [row["status"] for row in rows] == ["interrupted", "succeeded"]
    assert rows[0]["result_message"].startswith("the replica that ran this has died")
    assert [tuple(row) for row in again] == [tuple(row) for row in rows]


async def test_a_run_is_killed_through_another_replica(tmp_path, database_url, sql):
    async with Replica(tmp_path / "runs", database_url):
        job, log_id = await a_waiting_run(sql)
        async with a_service(tmp_path / "asks", database_url, engine__enabled=False) as app:
            assert await local(app).control.kill(log_id)
            (row,) = await ended(sql, job, count=1)
            await settled(sql)
            assert not await local(app).control.kill(log_id)

    assert row["status"] == "killed"


async def test_a_run_that_is_killed_when_its_replica_has_died_is_killed_and_not_tried_again(
    tmp_path, database_url, sql
):
    dead = Replica(tmp_path / "dead", database_url, **HASTY)
    async with dead:
        job, log_id = await a_waiting_run(sql)
        await dead.kill_9()
        async with a_service(tmp_path / "heir", database_url, **HASTY) as app:
            assert await local(app).control.kill(log_id)
            (row,) = await ended(sql, job, count=1, within=40)
            await settled(sql)

    assert row["status"] == "killed"
    assert row["result_message"].startswith("killed; the replica that ran this has died")
    assert len(await runs_of(sql, job)) == 1


async def test_a_run_that_is_killed_while_its_replica_is_away_has_been_killed_when_it_is_back(
    tmp_path, database_url, sql
):
    away = Replica(tmp_path / "away", database_url)
    async with away:
        job, log_id = await a_waiting_run(sql)
        await away.kill_9()
        async with a_service(tmp_path / "asks", database_url, engine__enabled=False) as app:
            assert await local(app).control.kill(log_id)
        await away.start()
        (row,) = await ended(sql, job, count=1)
        await settled(sql)

    assert (row["status"], row["result_message"]) == (
        "killed",
        "killed while the executor was gone",
    )
    assert len(await runs_of(sql, job)) == 1


async def test_a_kill_that_nobody_heard_is_done_when_the_replica_listens_again(
    tmp_path, database_url, sql
):
    async with a_service(tmp_path, database_url) as app:
        job, log_id = await a_waiting_run(sql)
        await sql.execute(
            f"UPDATE {SCHEMA}.schedule_fire SET killed_at = now() WHERE id = $1", log_id
        )
        await sql.execute(
            """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid()"""
        )
        (row,) = await ended(sql, job, count=1)
        await settled(sql)
        assert local(app).listener.listening.is_set()

    assert row["status"] == "killed"


async def a_waiting_run(sql: asyncpg.Connection) -> tuple[int, int]:
    """A run that goes on until it is stopped, and would be tried again: its job, and its id."""
    job = await add_job(
        sql,
        handler_name="wait",
        schedule_type="once",
        run_at=soon(),
        next_run_time=soon(),
        retry_strategy="fixed",
        retry_count=1,
    )
    (row,) = await until(
        lambda: runs_of(sql, job),
        lambda rows: [row["status"] for row in rows] == ["running"],
    )
    return job, row["id"]


async def test_a_planned_run_is_killed_before_it_fires(tmp_path, database_url, sql):
    async with a_service(tmp_path, database_url, engine__claim_ahead_seconds=60) as app:
        moment = soon(45)
        job = await add_job(sql, schedule_type="once", run_at=moment, next_run_time=moment)
        find = f"SELECT id FROM {SCHEMA}.schedule_fire WHERE job_id = {job}"
        fire = await until(lambda: sql.fetchval(find), lambda found: found is not None)
        assert await local(app).control.kill(fire)
        (row,) = await ended(sql, job, count=1)

    assert (row["id"], row["status"], row["start_time"]) == (fire, "killed", None)


async def test_a_run_whose_kill_just_before_it_begins_cannot_be_recorded_is_not_lost(
    tmp_path, database_url, sql, monkeypatch
):
    async def away(_: object) -> None:
        raise DatabaseAway("no connection is free")

    async with a_service(tmp_path, database_url) as app:
        control, firing = local(app).control, local(app).engine.firing
        job = await add_job(
            sql, schedule_type="interval", interval_seconds=1, next_run_time=soon(1)
        )
        async with asyncio.timeout(LIMIT_S):
            while not firing._marked:  # noqa: ASYNC110 - for some milliseconds of each second
                await asyncio.sleep(0.001)
        (log_id,) = firing._marked
        with monkeypatch.context() as patch:
            patch.setattr(control._finals, "end", away)
            with pytest.raises(DatabaseAway):
                await control.kill(log_id)
        left = f"SELECT count(*) FROM {SCHEMA}.schedule_fire WHERE id = {log_id}"
        await until(lambda: sql.fetchval(left), lambda fires: fires == 0)

    assert log_id in [row["id"] for row in await runs_of(sql, job)]


@pytest.mark.parametrize("kind", ["job", "config"])
async def test_a_change_is_heard_by_every_replica(tmp_path, database_url, sql, kind):
    heard: asyncio.Queue[int | None] = asyncio.Queue()
    async with a_service(tmp_path, database_url) as app:
        listener = local(app).listener
        listener.subscribe(kind, heard.put_nowait)
        async with asyncio.timeout(10):
            await listener.listening.wait()
        for strange in ("", "[]", '{"kind": "job"}', '{"kind": "job", "id": "x"}'):
            await sql.execute("SELECT pg_notify('qooerp_scheduler', $1)", strange)
        message = json.dumps({"kind": kind, "id": 7})
        await sql.execute("SELECT pg_notify('qooerp_scheduler', $1)", message)
        async with asyncio.timeout(10):
            while await heard.get() != 7:  # None: what may have changed before it listened
                pass


async def test_a_replica_that_leaves_hands_on_what_it_has_planned(
    tmp_path: Path, database_url, sql
):
    moment = soon(20)
    job = await add_job(sql, schedule_type="once", run_at=moment, next_run_time=moment)
    planned = f"SELECT owner FROM {SCHEMA}.schedule_fire WHERE job_id = {job}"
    async with a_service(tmp_path / "leaves", database_url, engine__claim_ahead_seconds=60):
        await until(lambda: sql.fetchval(planned), lambda owner: owner is not None)
    assert await sql.fetchrow(planned) == (None,)
    assert await sql.fetchval(f"SELECT count(*) FROM {SCHEMA}.schedule_replica") == 0


async def test_a_replica_whose_row_has_gone_is_known_again(tmp_path, database_url, sql):
    known = f"SELECT api_address FROM {SCHEMA}.schedule_replica"
    async with a_service(tmp_path, database_url):
        door = await until(lambda: sql.fetchval(known), lambda found: found is not None)
        await sql.execute(f"DELETE FROM {SCHEMA}.schedule_replica")
        assert await until(lambda: sql.fetchval(known), lambda found: found is not None) == door


@pytest.mark.parametrize("owner", ["somebody", None])
async def test_what_nobody_known_had_fired_is_interrupted(tmp_path, database_url, sql, owner):
    job = await add_job(sql)
    await add_fired(sql, job, owner, moment=soon(-60))
    async with a_service(tmp_path, database_url, **HASTY):
        (row,) = await ended(sql, job, count=1)
        await settled(sql)

    assert (row["status"], row["start_time"]) == ("interrupted", None)


async def test_a_replica_that_plans_nothing_answers_for_what_was_begun_there(
    tmp_path, database_url, sql
):
    quiet = {"engine__enabled": False}
    owner = replica_id(load(None, settings_for(tmp_path, database_url, **quiet)).data_dir)
    job = await add_job(sql)
    await add_fired(sql, job, owner, moment=soon())
    async with a_service(tmp_path, database_url, **quiet):
        (row,) = await ended(sql, job, count=1)
        await settled(sql)
        beats = f"SELECT id FROM {SCHEMA}.schedule_replica"
        assert await sql.fetchval(beats) == owner

    assert row["status"] == "succeeded"


async def add_fired(
    sql: asyncpg.Connection, job: int, owner: str | None, *, moment: datetime
) -> None:
    await sql.execute(
        f"""INSERT INTO {SCHEMA}.schedule_fire
            (job_id, fire_time, scheduled_time, trigger_type, state, owner)
        VALUES ($1, $2, $2, 'api', 'fired', $3)""",
        *(job, moment, owner),
    )


async def test_a_process_that_a_handler_has_forked_off_holds_no_connection_of_a_dead_replica(
    tmp_path, database_url, sql
):
    connections = (
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    handlers = {"handlers__modules": "tests.integration.executor_handlers"}
    async with Replica(tmp_path / "r", database_url, **handlers) as replica:
        job = await add_job(
            sql,
            handler_name="fork",
            schedule_type="interval",
            interval_seconds=3600,
            next_run_time=soon(),
        )
        [row] = await ended(sql, job, count=1)
        forked = psutil.Process(int(row["result_message"]))
        try:
            assert await sql.fetchval(connections)
            await replica.kill_9()

            await until(lambda: sql.fetchval(connections), lambda count: count == 0)
            assert forked.is_running()
        finally:
            forked.kill()
