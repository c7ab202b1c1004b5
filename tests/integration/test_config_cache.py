"""What handlers read as `ctx.config`, on real PostgreSQL and a real Redis, or without one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine

from executor.app import ExecutorApp
from executor.model import LOCAL, RunState, Trigger
from executor.raised import UnknownConfig
from executor.testing.run import run_handler
from scheduler.config_cache import ConfigCache
from scheduler.configs import ConfigService
from scheduler.database import open_database
from scheduler.secret_box import SecretBox
from scheduler.sections import RedisSection
from scheduler.settings import load
from tests.integration import config_handlers
from tests.integration.api_service import LIMIT_S, Api, an_api
from tests.integration.engine_service import add_job
from tests.integration.executor_service import environment, until
from tests.integration.redis_server import RedisServer

HANDLERS = f'["{config_handlers.__name__}"]'
ISOLATIONS = ["configAsync", "configThread", "configProcess"]


@pytest.fixture
def secrets(tmp_path: Path) -> SecretBox:
    return SecretBox("", tmp_path)


@pytest.fixture(params=["in this process", "in Redis"])
def redis_url(request: pytest.FixtureRequest) -> str:
    """The setting `redis.url`."""
    if request.param == "in this process":
        return ""
    server: RedisServer = request.getfixturevalue("redis_server")
    return server.url


@asynccontextmanager
async def a_cache(
    engine: AsyncEngine, secrets: SecretBox, redis_url: str = ""
) -> AsyncIterator[ConfigCache]:
    """A cache that knows which jobs have configs."""
    cache = ConfigCache(engine, secrets, RedisSection(url=SecretStr(redis_url)))
    cache.start(lambda _: None)
    cache.hear(None)
    try:
        await until(lambda: cache.index.known)
        yield cache
    finally:
        await cache.stop()


def a_trigger(job: int, cluster: str = LOCAL) -> Trigger:
    return Trigger(cluster=cluster, log_id=1, triggered_ms=0, job_id=job)


async def read(cache: ConfigCache, job: int, cluster: str = LOCAL) -> Mapping[str, str]:
    found = cache.of(a_trigger(job, cluster))
    return found if isinstance(found, Mapping) else await found


def api_with(folder: Path, url: str, redis_url: str):
    return an_api(folder, url, handlers__modules=HANDLERS, redis__url=redis_url)


async def said_by_a_run(api: Api, job: int) -> object:
    return json.loads((await api.a_run(job))["resultMessage"])


async def test_handlers_of_every_isolation_read_the_configs_secrets_opened(
    tmp_path: Path, database_url: str, redis_url: str
) -> None:
    async with api_with(tmp_path, database_url, redis_url) as api:
        for handler in ISOLATIONS:
            job = (await api.a_job(handlerName=handler, configs={"plain": "值"}))["id"]
            secret = {"configKey": "password", "configValue": "hush", "secret": True}
            await api.post("/configs", {"jobId": job} | secret)

            assert await said_by_a_run(api, job) == {"plain": "值", "password": "hush"}


async def test_a_run_reads_what_was_set_or_deleted_just_before(
    tmp_path: Path, database_url: str, redis_url: str
) -> None:
    async with api_with(tmp_path, database_url, redis_url) as api:
        job = (await api.a_job(handlerName="configAsync"))["id"]
        assert await said_by_a_run(api, job) == {}
        for value in ("1", "2"):
            await api.post("/configs", {"jobId": job, "configKey": "key", "configValue": value})
            assert await said_by_a_run(api, job) == {"key": value}
        await api.delete(f"/configs/{job}/key")
        assert await said_by_a_run(api, job) == {}


async def test_another_replica_reads_a_change(
    tmp_path: Path, database_url: str, redis_url: str
) -> None:
    async with (
        api_with(tmp_path / "one", database_url, redis_url) as one,
        api_with(tmp_path / "other", database_url, redis_url) as other,
    ):
        job = (await one.a_job(handlerName="configAsync"))["id"]
        for value in ("1", "2", "3"):
            await one.post("/configs", {"jobId": job, "configKey": "key", "configValue": value})
            async with asyncio.timeout(LIMIT_S):  # of waiting; how soon it is, bench/ measures
                while await said_by_a_run(other, job) != {"key": value}:
                    pass


async def test_who_reads_after_a_change_never_reads_the_old_value(
    engine: AsyncEngine, secrets: SecretBox, sql: asyncpg.Connection, redis_url: str
) -> None:
    job = await add_job(sql)
    async with a_cache(engine, secrets, redis_url) as cache:
        service = ConfigService(engine, secrets, changed=cache.changed)
        await _race(service, [cache], job)


async def test_with_redis_that_holds_for_every_replica(
    engine: AsyncEngine, secrets: SecretBox, sql: asyncpg.Connection, redis_server: RedisServer
) -> None:
    job = await add_job(sql)
    async with (
        a_cache(engine, secrets, redis_server.url) as one,
        a_cache(engine, secrets, redis_server.url) as other,
    ):
        service = ConfigService(engine, secrets, changed=one.changed)
        await service.set(job, "n", "0")
        await until(lambda: other.index.find((LOCAL, job)))
        await _race(service, [one, other], job)


async def _race(service: ConfigService, caches: list[ConfigCache], job: int) -> None:
    """Change a config again and again while many read; each read is as new as what was set."""
    done = 0
    reads = 0

    async def reader(cache: ConfigCache) -> None:
        nonlocal reads
        while done < 100:
            before = done
            seen = int((await read(cache, job)).get("n", 0))
            assert seen >= before, f"{seen} was read after {before} had been set"
            reads += 1
            await asyncio.sleep(0)

    async def writer() -> None:
        nonlocal done
        for n in range(1, 101):
            await service.set(job, "n", str(n))
            done = n

    async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
        for cache in caches * 4:
            tasks.create_task(reader(cache))
        tasks.create_task(writer())
    assert reads > 200


async def test_configs_of_an_admins_job_are_found_by_its_number_there(
    engine: AsyncEngine, secrets: SecretBox, sql: asyncpg.Connection
) -> None:
    job = await add_job(sql, job_no="XXL-main-5", engine="xxl", cluster="main", admin_job_id=5)
    service = ConfigService(engine, secrets)
    await service.set(job, "key", "value")

    cold = ConfigCache(engine, secrets, RedisSection())
    assert await read(cold, 5, "main") == {"key": "value"}
    async with a_cache(engine, secrets) as cache:
        assert await read(cache, 5, "main") == {"key": "value"}
        assert await read(cache, 5, "other") == {}
        assert await read(cache, 5) == {}
        await sql.execute("UPDATE qooerp_scheduler.schedule_job SET admin_job_id = 6")
        cache.hear(job)
        await until(lambda: cache.index.find(("main", 6)))


async def test_a_job_without_configs_is_known_at_once(
    engine: AsyncEngine, secrets: SecretBox, sql: asyncpg.Connection
) -> None:
    bare, job = await add_job(sql), await add_job(sql)
    await ConfigService(engine, secrets).set(job, "key", "value")

    async with a_cache(engine, secrets) as cache:
        assert cache.of(a_trigger(bare)) == {}
        assert not isinstance(reading := cache.of(a_trigger(job)), Mapping)
        assert await reading == {"key": "value"}


async def test_nothing_fails_while_redis_is_gone_and_it_is_used_again(
    engine: AsyncEngine, secrets: SecretBox, sql: asyncpg.Connection, redis_server: RedisServer
) -> None:
    job = await add_job(sql)
    async with a_cache(engine, secrets, redis_server.url) as cache:
        service = ConfigService(engine, secrets, changed=cache.changed)
        for value in ("before", "still before"):
            await service.set(job, "key", value)
            assert await read(cache, job) == {"key": value}
        redis_server.kill()
        for value in ("while away", "still away"):
            await service.set(job, "key", value)
            assert await read(cache, job) == {"key": value}
        redis_server.start()
        with redis_server.client() as client:
            async with asyncio.timeout(10):
                while not client.keys("*config:*"):
                    assert await read(cache, job) == {"key": "still away"}
                    await asyncio.sleep(0.01)
            await service.set(job, "key", "back")
            assert await read(cache, job) == {"key": "back"}


async def test_no_secret_is_readable_in_redis(
    engine: AsyncEngine, secrets: SecretBox, sql: asyncpg.Connection, redis_server: RedisServer
) -> None:
    job = await add_job(sql)
    async with a_cache(engine, secrets, redis_server.url) as cache:
        service = ConfigService(engine, secrets, changed=cache.changed)
        await service.set(job, "password", "hush", secret=True)
        with redis_server.client() as client:
            async with asyncio.timeout(10):
                while not any(value.startswith(b"=") for value in _values(client)):
                    assert await read(cache, job) == {"password": "hush"}
                    await asyncio.sleep(0.01)
            assert b"hush" not in b"".join(_values(client))


def _values(client) -> list[bytes]:
    return [value for value in client.mget(client.keys("*") or ["none"]) if value is not None]


async def test_while_postgresql_is_away_the_last_known_configs_serve(
    engine: AsyncEngine,
    secrets: SecretBox,
    sql: asyncpg.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    job, other = await add_job(sql), await add_job(sql)
    service = ConfigService(engine, secrets)
    for each in (job, other):
        await service.set(each, "key", "value")
    nowhere = open_database("postgresql://nobody@127.0.0.1:1/nothing")
    async with a_cache(engine, secrets) as cache:
        await read(cache, job)
        monkeypatch.setattr(cache, "_database", nowhere)
        await cache._shelf.drop_all()

        assert await read(cache, job) == {"key": "value"}
        assert isinstance(await read(cache, other), UnknownConfig)


async def test_what_has_changed_is_not_read_though_postgresql_went_away_then(
    engine: AsyncEngine,
    secrets: SecretBox,
    sql: asyncpg.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    changed, told = await add_job(sql), await add_job(sql)
    async with a_cache(engine, secrets) as cache:
        here = ConfigService(engine, secrets, changed=cache.changed)
        elsewhere = ConfigService(engine, secrets)
        for job in (changed, told):
            await here.set(job, "key", "old")
            assert await read(cache, job) == {"key": "old"}
        await here.set(changed, "key", "new")
        await elsewhere.set(told, "key", "new")
        cache.hear(told)
        nowhere = open_database("postgresql://nobody@127.0.0.1:1/nothing")
        monkeypatch.setattr(cache, "_database", nowhere)

        assert isinstance(await read(cache, changed), UnknownConfig)
        assert isinstance(await read(cache, told), UnknownConfig)


async def test_a_start_without_postgresql_keeps_no_run_from_running(secrets: SecretBox) -> None:
    cache = ConfigCache(
        open_database("postgresql://nobody@127.0.0.1:1/nothing"), secrets, RedisSection()
    )
    for cluster in (LOCAL, "main"):
        assert isinstance(await read(cache, 1, cluster), UnknownConfig)


async def test_a_secret_of_another_key_is_named_as_the_reason(
    engine: AsyncEngine, secrets: SecretBox, sql: asyncpg.Connection, tmp_path: Path
) -> None:
    job = await add_job(sql)
    await ConfigService(engine, secrets).set(job, "key", "value", secret=True)

    async with a_cache(engine, SecretBox("", tmp_path / "other")) as cache:
        config = await read(cache, job)
    outcome = run_handler(config_handlers.config_async, config=config)
    assert "another scheduler.secret_key" in outcome.message


@pytest.mark.parametrize("handler", ISOLATIONS)
def test_who_reads_configs_that_cannot_be_read_fails_and_says_why(handler: str) -> None:
    function = {
        "configAsync": config_handlers.config_async,
        "configThread": config_handlers.config_thread,
    }
    outcome = run_handler(
        function.get(handler, config_handlers.config_process), config=UnknownConfig("they are away")
    )

    assert (outcome.state, outcome.message) == (RunState.FAILED, "they are away")


def test_who_does_not_read_them_is_not_disturbed() -> None:
    outcome = run_handler(config_handlers.config_ignored, config=UnknownConfig("they are away"))

    assert outcome.state is RunState.SUCCEEDED


async def test_a_run_killed_while_its_configs_are_read_never_starts(tmp_path: Path) -> None:
    asked, told = asyncio.Event(), asyncio.Event()

    async def slow(_: Trigger) -> Mapping[str, str]:
        asked.set()
        await told.wait()
        return {}

    settings = load(None, environment(tmp_path, handlers__modules=HANDLERS))
    app = ExecutorApp(settings, configs=slow)
    await app.start()
    ended: asyncio.Queue[RunState] = asyncio.Queue()
    app.dispatcher._course.changed = lambda _, state: ended.put_nowait(state)
    try:
        trigger = Trigger(
            cluster="default", log_id=1, triggered_ms=1, job_id=1, handler="configAsync"
        )
        await app.dispatcher.accept(trigger)
        await asyncio.wait_for(asked.wait(), 10)
        assert app.dispatcher.kill("default", 1)
        told.set()
        states = [await asyncio.wait_for(ended.get(), 10) for _ in range(2)]
    finally:
        await app.stop()

    assert states == [RunState.QUEUED, RunState.KILLED]


async def test_a_mistake_in_reading_configs_loses_no_run(tmp_path: Path) -> None:
    async def wrong(_: Trigger) -> Mapping[str, str]:
        raise RuntimeError("a mistake")

    settings = load(None, environment(tmp_path, handlers__modules=HANDLERS))
    app = ExecutorApp(settings, configs=wrong)
    await app.start()
    ended: asyncio.Queue[RunState] = asyncio.Queue()
    app.dispatcher._course.changed = lambda _, state: ended.put_nowait(state)
    try:
        trigger = Trigger(
            cluster="default", log_id=1, triggered_ms=1, job_id=1, handler="configIgnored"
        )
        await app.dispatcher.accept(trigger)
        states = [await asyncio.wait_for(ended.get(), 10) for _ in range(3)]
    finally:
        await app.stop()

    assert states == [RunState.QUEUED, RunState.RUNNING, RunState.SUCCEEDED]
