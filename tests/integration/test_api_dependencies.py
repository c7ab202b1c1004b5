"""Jobs that wait for others, made and changed over HTTP: what may be waited for, and what may go."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from tests.integration.engine_service import until

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_dependency_is_kept_and_a_circle_is_refused_with_its_path(api):
    first = await api.a_job()
    second = await api.a_job(dependsOn=[first["id"]])
    third = await api.a_job(dependsOn=[second["id"]])

    answer = await api.ask(
        "PUT", f"/jobs/{first['id']}", {"version": 1, "dependsOn": [third["id"]]}
    )

    assert third["dependsOn"] == [second["id"]]
    assert answer.status == 422
    path = " → ".join(str(job["id"]) for job in (first, third, second, first))
    assert answer.message == f"dependsOn: this makes a circle: {path}"


async def test_two_halves_of_a_circle_that_are_made_at_once_do_not_meet(api):
    first, second = await api.a_job(), await api.a_job()

    answers = await asyncio.gather(
        api.ask("PUT", f"/jobs/{first['id']}", {"version": 1, "dependsOn": [second["id"]]}),
        api.ask("PUT", f"/jobs/{second['id']}", {"version": 1, "dependsOn": [first["id"]]}),
    )

    assert sorted(answer.status for answer in answers) == [200, 422]


async def test_a_job_that_others_depend_on_is_not_deleted(api):
    parent = await api.a_job()
    child = await api.a_job(dependsOn=[parent["id"]])

    refused = await api.ask("DELETE", f"/jobs/{parent['id']}")
    await api.delete(f"/jobs/{child['id']}")

    assert (refused.status, refused.message) == (409, f"jobs depend on it: {child['id']}")
    assert await api.delete(f"/jobs/{parent['id']}") is None


async def test_a_job_that_is_just_being_deleted_gets_no_children(api):
    parent = await api.a_job(configs={"k": "v"})
    asked = {"jobName": "child", "handlerName": "note", "dependsOn": [parent["id"]]}

    async with api.app.storage.engine.connect() as connection:
        # the deletion has seen that nobody depends on the job, and waits for this row
        await connection.execute(
            text("SELECT 1 FROM qooerp_scheduler.schedule_config WHERE job_id = :id FOR UPDATE"),
            {"id": parent["id"]},
        )
        deleting = asyncio.create_task(api.ask("DELETE", f"/jobs/{parent['id']}"))
        await are_waiting(connection, 1)
        making = asyncio.create_task(api.ask("POST", "/jobs", asked))
        await are_waiting(connection, 2)
        await connection.rollback()
    deleted, made = await asyncio.gather(deleting, making)

    assert deleted.status == 200
    assert (made.status, made.message) == (422, f"dependsOn: there is no job {parent['id']}")


async def are_waiting(connection: AsyncConnection, count: int) -> None:
    """Wait until so many sessions of the database wait for a lock."""
    query = """SELECT count(*) FROM pg_locks WHERE NOT granted AND (database IS NULL
        OR database = (SELECT oid FROM pg_database WHERE datname = current_database()))"""

    async def waiting() -> int:
        return int(await connection.scalar(text(query)) or 0)

    await until(waiting, lambda number: number >= count)


async def test_a_job_of_an_admin_is_not_waited_for(api):
    async with api.app.storage.engine.begin() as connection:
        theirs = await connection.scalar(
            text(
                """INSERT INTO qooerp_scheduler.schedule_job
                (job_no, job_name, engine, cluster, admin_job_id)
                VALUES ('XXL-main-8', 'waited for', 'xxl', 'main', 8) RETURNING id"""
            )
        )
    job = await api.a_job()

    answers = [
        await api.ask("PUT", f"/jobs/{job['id']}", {"version": 1, "dependsOn": [theirs]}),
        await api.ask("POST", "/jobs", {"jobName": "a", "handlerName": "b", "dependsOn": [theirs]}),
    ]

    assert [answer.status for answer in answers] == [422, 422]
    said = f"dependsOn: job {theirs} is an Admin's, whose runs nothing waits for"
    assert {answer.message for answer in answers} == {said}
