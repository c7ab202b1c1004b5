"""What the jobs that a run has waited for have said, as its handler reads it."""

from __future__ import annotations

import json

import pytest

from executor.clock import SystemClock
from scheduler.engine.identity import replica_id
from scheduler.job_service import JobService
from tests.integration.engine_service import (
    HANDLERS,
    SCHEMA,
    a_service,
    add_dependency,
    add_job,
    ended,
    local,
    settled,
    soon,
    until,
)

RETRIED = {"retry_strategy": "fixed", "retry_count": 1}


async def test_results_of_parents_are_read_in_every_isolation_and_in_the_next_attempt(
    tmp_path, database_url, sql
):
    handlers = ["parentsAsync", "parentsThread", "parentsProcess"]
    modules = f"{HANDLERS},tests.integration.process_handlers"
    async with a_service(tmp_path, database_url, handlers__modules=modules) as app:
        root = await add_job(sql, handler_name="say", params="4 rows")
        other = await add_job(sql, handler_name="say", params="x" * 5000)
        children = [await add_job(sql, handler_name=name, **RETRIED) for name in handlers]
        for child in children:
            await add_dependency(sql, child, root, other)

        await local(app).control.execute(root)
        await local(app).control.execute(other)
        rows = await ended(sql, *children, count=4)
        await settled(sql)

    told = [json.loads(row["result_message"]) for row in rows if row["status"] == "succeeded"]
    assert len(told) == 3
    assert all(one == {str(root): "4 rows", str(other): "x" * 4000} for one in told)


async def test_a_graph_hands_results_on_from_run_to_run(tmp_path, database_url, sql):
    """Each run reads what its own parents have said, in this round."""
    async with a_service(tmp_path, database_url) as app:
        first = await add_job(sql, handler_name="say")
        second = await add_job(sql, handler_name="parentsAsync")
        third = await add_job(sql, handler_name="parentsAsync")
        await add_dependency(sql, second, first)
        await add_dependency(sql, third, second)

        for said in ("one", "two"):
            await local(app).control.execute(first, said)
            await settled_children(sql, third, said)
        rows = await ended(sql, third, count=2)

    assert [json.loads(json.loads(row["result_message"])[str(second)]) for row in rows] == [
        {str(first): "one"},
        {str(first): "two"},
    ]


async def settled_children(sql, job: int, said: str) -> None:
    """Wait until *job* has run in the round that began with *said*."""
    find = (
        f"SELECT count(*) FROM {SCHEMA}.schedule_log WHERE job_id = {job} AND status = 'succeeded'"
    )
    wanted = ("one", "two").index(said) + 1
    await until(lambda: sql.fetchval(find), lambda count: count == wanted)


@pytest.mark.parametrize("results", [{"7": "kept"}, {}])
async def test_results_outlast_the_death_of_a_replica_that_has_marked_the_fire(
    tmp_path, database_url, sql, results
):
    job = await add_job(sql, handler_name="parentsAsync")
    async with a_service(tmp_path, database_url) as app:
        owner = replica_id(app._settings.data_dir)
    await sql.execute(
        f"""INSERT INTO {SCHEMA}.schedule_fire
            (job_id, fire_time, scheduled_time, trigger_type, state, owner, parents)
        VALUES ($1, $2, $2, 'dependency', 'fired', $3, $4::text::jsonb)""",
        *(job, soon(), owner, json.dumps(results)),
    )

    async with a_service(tmp_path, database_url):
        (row,) = await ended(sql, job, count=1)

    assert json.loads(row["result_message"]) == results


async def test_a_run_by_hand_has_waited_for_nothing(tmp_path, database_url, sql):
    async with a_service(tmp_path, database_url) as app:
        parent, child = await add_job(sql), await add_job(sql, handler_name="parentsAsync")
        await add_dependency(sql, child, parent)

        await local(app).control.execute(child)
        (row,) = await ended(sql, child, count=1)

    assert row["result_message"] == "{}"


async def test_a_parent_that_has_run_once_and_is_gone_is_waited_for_no_more(
    tmp_path, database_url, sql
):
    async with a_service(tmp_path, database_url) as app:
        jobs = JobService(app.storage.engine, SystemClock(), timezone="UTC")
        moment = soon(1)
        async with sql.transaction():  # however long it takes, neither is planned without the other
            parent = await add_job(
                sql,
                handler_name="say",
                params="once",
                schedule_type="once",
                run_at=moment,
                next_run_time=moment,
            )
            child = await add_job(
                sql,
                handler_name="parentsAsync",
                schedule_type="interval",
                interval_seconds=1,
                next_run_time=moment,
            )
            await add_dependency(sql, child, parent)
        rows = await ended(sql, parent, child, count=4)
        job = await jobs.get(child)
        renamed = await jobs.update(child, job.version, {"name": "new", "depends_on": (parent,)})

    told = [json.loads(row["result_message"]) for row in rows if row["job_id"] == child]
    assert told[:3] == [{str(parent): "once"}] * 3  # there may be more by now
    assert (renamed.name, renamed.depends_on) == ("new", (parent,))


async def test_a_parent_that_has_failed_and_is_gone_is_waited_for_in_vain(
    tmp_path, database_url, sql
):
    """It had succeeded before, by hand; that was for an earlier run."""
    async with a_service(tmp_path, database_url, engine__dependency_wait_seconds=1) as app:
        parent = await add_job(sql, handler_name="failUntil", params="9")
        child = await add_job(sql)
        await add_dependency(sql, child, parent)
        await local(app).control.execute(parent, "1")
        await ended(sql, child, count=1)
        await sql.execute(
            f"""UPDATE {SCHEMA}.schedule_job SET schedule_type = 'once', run_at = $2,
            next_run_time = $2 WHERE id = $1""",
            *(parent, soon()),
        )
        gone = f"SELECT deleted_at FROM {SCHEMA}.schedule_job WHERE id = {parent}"
        await until(lambda: sql.fetchval(gone), lambda moment: moment)
        await sql.execute(
            f"""UPDATE {SCHEMA}.schedule_job SET schedule_type = 'once', run_at = $2,
            next_run_time = $2 WHERE id = $1""",
            *(child, soon()),
        )
        rows = await ended(sql, child, count=2)

    assert [row["status"] for row in rows] == ["succeeded", "discarded"]
