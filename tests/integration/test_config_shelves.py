"""Every shelf for configs, and what only the shared one has to stand."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from scheduler.config_shelf import Lease, MemoryShelf, Row, Shelf
from scheduler.redis_shelf import RedisShelf
from tests.integration.redis_server import RedisServer

OLD = [Row("key", "old", False)]
NEW = [Row("key", "new", False), Row("secret", "v1:sealed", True)]
JOB = 7
LIMIT_S = 30


@asynccontextmanager
async def a_redis_shelf(
    url: str, prefix: str, *, heard: list[int] | None = None, patience_s: float = LIMIT_S
) -> AsyncIterator[RedisShelf]:
    """A shelf that listens, and waits so long for an answer."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("scheduler.redis_shelf._PATIENCE_S", patience_s)
        shelf = RedisShelf(url, prefix, (heard if heard is not None else []).append)
    running = asyncio.create_task(shelf.run())
    await asyncio.wait_for(shelf.up.wait(), LIMIT_S)
    try:
        yield shelf
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await shelf.close()


@pytest.fixture
def prefix() -> str:
    return f"test-{secrets.token_hex(4)}"


@pytest.fixture
async def redis_shelf(redis_server: RedisServer, prefix: str) -> AsyncIterator[RedisShelf]:
    async with a_redis_shelf(redis_server.url, prefix) as shelf:
        yield shelf


@pytest.fixture(params=["memory", "redis"])
def shelf(request: pytest.FixtureRequest) -> Shelf:
    if request.param == "memory":
        return MemoryShelf()
    shelf: RedisShelf = request.getfixturevalue("redis_shelf")
    return shelf


async def leased(shelf: Shelf, job: int = JOB) -> Lease:
    lease = await shelf.get(job)
    assert isinstance(lease, Lease)
    return lease


async def test_what_was_put_down_is_there(shelf: Shelf) -> None:
    await shelf.put(JOB, await leased(shelf), NEW)

    assert await shelf.get(JOB) == NEW
    assert isinstance(await shelf.get(JOB + 1), Lease)


async def test_that_a_job_has_none_is_held_too(shelf: Shelf) -> None:
    await shelf.put(JOB, await leased(shelf), [])

    assert await shelf.get(JOB) == []


async def test_what_was_loaded_before_a_drop_is_not_put_down_after_it(shelf: Shelf) -> None:
    slow = await leased(shelf)
    await shelf.drop(JOB)
    await shelf.put(JOB, slow, OLD)

    assert isinstance(await shelf.get(JOB), Lease)


async def test_a_slow_loader_does_not_replace_what_a_newer_one_has_put_down(shelf: Shelf) -> None:
    slow = await leased(shelf)
    await shelf.drop(JOB)
    await shelf.put(JOB, await leased(shelf), NEW)
    await shelf.put(JOB, slow, OLD)

    assert await shelf.get(JOB) == NEW


async def test_all_who_load_at_once_may_put_down(shelf: Shelf) -> None:
    first, second = await leased(shelf), await leased(shelf)
    await shelf.put(JOB, second, NEW)
    await shelf.put(JOB, first, NEW)

    assert await shelf.get(JOB) == NEW


async def test_dropping_all_ends_every_lease(shelf: Shelf) -> None:
    await shelf.put(JOB, await leased(shelf), OLD)
    other = await leased(shelf, JOB + 1)
    await shelf.drop_all()
    await shelf.put(JOB + 1, other, OLD)

    assert isinstance(await shelf.get(JOB), Lease)
    assert isinstance(await shelf.get(JOB + 1), Lease)


async def test_memory_holds_so_many_jobs_and_no_more() -> None:
    shelf = MemoryShelf(most=2)
    for job in range(3):
        await shelf.put(job, await leased(shelf, job), OLD)

    assert isinstance(await shelf.get(0), Lease)


async def test_what_one_replica_drops_no_other_reads(
    redis_server: RedisServer, redis_shelf: RedisShelf, prefix: str
) -> None:
    async with a_redis_shelf(redis_server.url, prefix) as other:
        await redis_shelf.put(JOB, await leased(redis_shelf), OLD)
        assert await other.get(JOB) == OLD
        await redis_shelf.drop(JOB)

        assert isinstance(await other.get(JOB), Lease)


async def test_a_change_is_heard_by_the_other_replica(
    redis_server: RedisServer, redis_shelf: RedisShelf, prefix: str
) -> None:
    heard: asyncio.Queue[int] = asyncio.Queue()
    other = RedisShelf(redis_server.url, prefix, heard.put_nowait)
    running = asyncio.create_task(other.run())
    await asyncio.wait_for(other.up.wait(), LIMIT_S)
    await redis_shelf.tell(JOB)

    assert await asyncio.wait_for(heard.get(), LIMIT_S) == JOB
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await other.close()


@pytest.mark.parametrize("held", [b"=", b"=nonsense", b"=[[1]]", b"=[1]", b"=7", b"", b"\xff"])
async def test_an_entry_that_nobody_can_read_is_replaced(
    redis_server: RedisServer, redis_shelf: RedisShelf, prefix: str, held: bytes
) -> None:
    with redis_server.client() as client:
        client.set(f"{prefix}:config:{JOB}", held)

    await redis_shelf.put(JOB, await leased(redis_shelf), NEW)

    assert await redis_shelf.get(JOB) == NEW


async def test_services_with_other_prefixes_do_not_meet(
    redis_server: RedisServer, redis_shelf: RedisShelf
) -> None:
    await redis_shelf.put(JOB, await leased(redis_shelf), OLD)
    async with a_redis_shelf(redis_server.url, "another") as other:
        assert isinstance(await other.get(JOB), Lease)
    assert await redis_shelf.get(JOB) == OLD


async def test_a_server_that_is_gone_holds_nothing_and_fails_nobody(
    redis_server: RedisServer, redis_shelf: RedisShelf
) -> None:
    lease = await leased(redis_shelf)
    redis_server.kill()

    await redis_shelf.put(JOB, lease, OLD)
    await redis_shelf.drop(JOB)
    await redis_shelf.drop_all()
    await redis_shelf.tell(JOB)
    assert await redis_shelf.get(JOB) is None


async def test_a_server_that_comes_back_is_used_again_but_not_what_it_held(
    redis_server: RedisServer, redis_shelf: RedisShelf
) -> None:
    await redis_shelf.put(JOB, await leased(redis_shelf), OLD)
    other = await leased(redis_shelf, JOB + 1)
    with redis_server.client() as client:
        client.save()
    redis_server.kill()
    assert await redis_shelf.get(JOB) is None
    await redis_shelf.drop(JOB)  # it cannot, and the server comes back with the old value
    redis_server.start()
    await asyncio.wait_for(redis_shelf.up.wait(), LIMIT_S)

    assert isinstance(await redis_shelf.get(JOB), Lease)
    await redis_shelf.put(JOB + 1, other, OLD)
    assert isinstance(await redis_shelf.get(JOB + 1), Lease)


async def test_a_server_that_hangs_is_waited_for_once_and_left_alone(
    redis_server: RedisServer, prefix: str
) -> None:
    async with a_redis_shelf(redis_server.url, prefix, patience_s=0.5) as shelf:
        with redis_server.client() as client:
            client.client_pause(30_000)
            assert await shelf.get(JOB) is None
            assert not shelf.up.is_set()  # nobody asks it then

            assert [await shelf.get(JOB) for _ in range(20)] == [None] * 20


def test_what_is_no_url_is_refused() -> None:
    with pytest.raises(ValueError, match="redis://"):
        RedisShelf("127.0.0.1:6379", "test", print)
