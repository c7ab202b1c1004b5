"""Logs of runs are read at any replica; the one that ran them is asked."""

from __future__ import annotations

import base64
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from scheduler.doctor.finding import Verdict
from scheduler.doctor.shared import look_at_redis, look_at_replicas, look_at_secrets
from scheduler.settings import load
from tests.integration.api_service import PREFIX, TOKENS, Api, an_api
from tests.integration.engine_service import settings_for, until

KEY = base64.b64encode(bytes(range(32))).decode()
OTHER_KEY = base64.b64encode(os.urandom(32)).decode()


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


async def a_replica(
    stack: AsyncExitStack, folder: Path, url: str, key: str = KEY, *, plans: bool = True
) -> Api:
    chosen = an_api(folder, url, scheduler__secret_key=key, engine__enabled=plans)
    return await stack.enter_async_context(chosen)


async def a_run_at(api: Api) -> int:
    """A run, at its end, at this replica."""
    job = await api.a_job(handlerName="note")
    run = await api.a_run(job["id"])
    assert run["status"] == "succeeded", run
    return int(run["id"])


async def known_to(sql, replicas: int) -> None:
    """Wait until so many replicas have said where they are."""
    count = "SELECT count(*) FROM qooerp_scheduler.schedule_replica"
    await until(lambda: sql.fetchval(count), lambda found: found == replicas)


async def text_of(api: Api, log_id: int, how: str) -> str:
    headers = {"Authorization": f"Bearer {TOKENS['viewer']}"}
    url = f"{api.url}{PREFIX}/logs/{log_id}/{how}"
    async with api.session.get(url, headers=headers) as response:
        assert response.status == 200, await response.text()
        return await response.text()


@pytest.mark.parametrize("plans", [True, False])
async def test_a_log_is_read_at_another_replica_as_at_its_own(
    tmp_path, database_url, sql, stack, plans
) -> None:
    one = await a_replica(stack, tmp_path / "one", database_url, plans=plans)
    other = await a_replica(stack, tmp_path / "other", database_url)
    await known_to(sql, 2)
    run = await a_run_at(one)

    page = await other.get(f"/logs/{run}/text")
    assert page == await one.get(f"/logs/{run}/text")
    assert page["totalLines"] > 1
    assert page["end"]
    for how in ("stream", "download"):
        assert await text_of(other, run, how) == await text_of(one, run, how)
    part = await other.get(f"/logs/{run}/text", fromLine=2, chars=1)
    assert (part["fromLine"], part["lastLine"]) == (2, 2)


async def test_the_log_of_a_run_under_way_is_followed_at_another_replica(
    tmp_path, database_url, sql, stack
) -> None:
    one = await a_replica(stack, tmp_path / "one", database_url)
    other = await a_replica(stack, tmp_path / "other", database_url)
    await known_to(sql, 2)
    job = await one.a_job(handlerName="pause", params="5")
    executed = await one.post("/jobs/execute", {"jobId": job["id"]})
    await one.run_in(executed["logId"], "running")

    followed = await text_of(other, executed["logId"], "stream")

    assert "job execute start" in followed
    assert "job execute end, succeeded" in followed
    assert followed.endswith("event: end\ndata:\n\n")


async def test_a_replica_that_is_gone_is_said_to_be(tmp_path, database_url, sql, stack) -> None:
    other = await a_replica(stack, tmp_path / "other", database_url)
    async with an_api(tmp_path / "one", database_url, scheduler__secret_key=KEY) as one:
        await known_to(sql, 2)
        run = await a_run_at(one)
        gone = one.app.port
        row = await sql.fetchrow("SELECT * FROM qooerp_scheduler.schedule_replica LIMIT 1")
        assert row["api_address"].startswith("http://127.0.0.1:")
        assert KEY not in str(dict(row))
    await known_to(sql, 1)

    left = await other.ask("GET", f"/logs/{run}/text")
    assert left.status == 404
    assert "is gone" in left.message
    await sql.execute(  # as if it had died without a word
        """INSERT INTO qooerp_scheduler.schedule_replica (id, address, api_address)
        SELECT 'dead', executor_address, $1 FROM qooerp_scheduler.schedule_log WHERE id = $2""",
        *(f"http://127.0.0.1:{gone}", run),
    )
    for how in ("text", "stream", "download"):
        dead = await other.ask("GET", f"/logs/{run}/{how}")
        assert dead.status == 502
        assert "does not answer" in dead.message


async def test_a_replica_of_another_key_is_not_let_in_and_doctor_says_so(
    tmp_path, database_url, sql, stack
) -> None:
    settings = settings_for(tmp_path, database_url, scheduler__secret_key=KEY)
    one = await a_replica(stack, tmp_path / "one", database_url)
    await known_to(sql, 1)
    assert (await look_at_replicas(load(None, settings))).verdict is Verdict.OK
    other = await a_replica(stack, tmp_path / "other", database_url, OTHER_KEY)
    await known_to(sql, 2)
    run = await a_run_at(one)

    refused = await other.ask("GET", f"/logs/{run}/text")
    found = await look_at_replicas(load(None, settings))

    assert refused.status == 502
    assert "another scheduler.secret_key" in refused.message
    assert found.verdict is Verdict.FAIL
    assert KEY not in found.said


async def test_doctor_tells_whether_redis_answers(tmp_path, redis_server) -> None:
    def chosen(url: str):
        return load(None, settings_for(tmp_path, "postgresql://x/y", redis__url=url))

    assert "answers" in (await look_at_redis(chosen(redis_server.url))).said
    assert (await look_at_redis(chosen("redis://127.0.0.1:1/0"))).verdict is Verdict.WARN
    assert (await look_at_redis(chosen(""))).verdict is Verdict.OK


async def test_doctor_names_the_secrets_that_the_key_at_hand_does_not_open(
    tmp_path, database_url, stack
) -> None:
    def chosen(key: str):
        return load(None, settings_for(tmp_path, database_url, scheduler__secret_key=key))

    one = await a_replica(stack, tmp_path / "one", database_url)
    job = await one.a_job()
    secret = {"jobId": job["id"], "configKey": "password", "configValue": "x", "secret": True}
    await one.post("/configs", secret)

    assert (await look_at_secrets(chosen(KEY))).verdict is Verdict.OK
    found = await look_at_secrets(chosen(OTHER_KEY))

    assert (found.verdict, found.said) == (
        Verdict.FAIL,
        f"the key at hand does not open config password of job {job['id']}",
    )
