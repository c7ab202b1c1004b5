"""What the client relies on, at the stand-ins of both generations and at real servers of both."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import replace
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from scheduler.nacos.client import NacosClient, NacosConfig
from scheduler.nacos.errors import AccessRefused, NacosUnreachable, WrongPath
from scheduler.nacos.wire import Api, Instance, Scope
from tests.contract.fake_nacos import FakeNacos
from tests.contract.nacos_server import ARTIFACTS, PASSWORD, USER, NacosServer, class_path

pytestmark = pytest.mark.asyncio(loop_scope="module")
LIMIT_S = 20.0
REAL = [pytest.param(version, marks=pytest.mark.java) for version in ARTIFACTS]
Server = FakeNacos | NacosServer


@pytest.fixture(scope="module")
def real_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, NacosServer]]:
    """Both, started side by side; empty where they can't be had."""
    servers: dict[str, NacosServer] = {}
    for version in ARTIFACTS:
        try:
            class_path(version)
        except LookupError:
            continue
        servers[version] = NacosServer(version, tmp_path_factory.mktemp("nacos"))
        servers[version].start()
    yield servers
    for server in servers.values():
        server.kill()


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["fake v1", "fake v3", *REAL])
async def server(request: pytest.FixtureRequest) -> AsyncIterator[Server]:
    kind = request.param
    if kind.startswith("fake"):
        generation = kind.removeprefix("fake ")
        async with FakeNacos(generation, username=USER, password=PASSWORD) as fake:
            yield fake
        return
    try:
        class_path(kind)
    except LookupError as reason:
        pytest.skip(str(reason))
    real = request.getfixturevalue("real_servers")[kind]
    async with real.ready():
        yield real


@pytest.fixture
def config(server: Server) -> NacosConfig:
    """As a user, in a group of the test's own."""
    group = f"G{secrets.token_hex(4)}"
    return NacosConfig((server.url,), Scope("public", group), USER, server.password)


@pytest_asyncio.fixture(loop_scope="module")
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
def client(config: NacosConfig, session: aiohttp.ClientSession) -> NacosClient:
    return NacosClient(config, session, timeout_s=LIMIT_S)


ME = Instance("qooerp-scheduler", "127.0.0.1", 8100, metadata={"version": "1", "text": "值=&"})


async def until(ask: Callable[[], Awaitable[Any]], expected: object) -> None:
    """Lists and configs follow what was written a moment later."""
    end = time.monotonic() + LIMIT_S
    while (found := await ask()) != expected:
        assert time.monotonic() < end, found
        await asyncio.sleep(0.02)


async def test_what_was_registered_is_listed_with_its_metadata(client: NacosClient) -> None:
    await client.register(ME)

    await until(lambda: client.instances(ME.service), (ME,))


async def test_a_second_registration_changes_the_metadata(client: NacosClient) -> None:
    await client.register(ME)
    newer = replace(ME, metadata={"version": "2"})

    await client.register(newer)

    await until(lambda: client.instances(ME.service), (newer,))


async def test_a_beat_says_whether_the_instance_is_known(client: NacosClient) -> None:
    assert not await client.beat(ME)

    await client.register(ME)

    await until(lambda: client.beat(ME), True)


async def test_what_was_taken_back_is_not_listed_and_has_to_register_again(
    client: NacosClient,
) -> None:
    await client.register(ME)
    await until(lambda: client.instances(ME.service), (ME,))

    await client.deregister(ME)

    await until(lambda: client.instances(ME.service), ())
    assert not await client.beat(ME)


async def test_taking_back_what_is_not_there_is_no_error(client: NacosClient) -> None:
    await client.deregister(ME)

    assert await client.instances(ME.service) == ()


async def test_another_group_is_another_service(
    client: NacosClient, config: NacosConfig, session: aiohttp.ClientSession
) -> None:
    elsewhere = NacosClient(replace(config, scope=Scope("public", "ELSEWHERE")), session)
    await client.register(ME)
    await until(lambda: client.instances(ME.service), (ME,))

    assert await elsewhere.instances(ME.service) == ()


async def test_a_config_is_read_as_it_was_published(client: NacosClient, server: Server) -> None:
    assert await client.config_text("a.yaml") is None
    text = "logging:\n  level: debug  # 调试 & more\n"

    await server.publish("a.yaml", text, group=client.config.scope.group)

    await until(lambda: client.config_text("a.yaml"), text)


async def test_a_wrong_password_is_refused_by_name_and_not_shown(
    config: NacosConfig, session: aiohttp.ClientSession
) -> None:
    stranger = NacosClient(replace(config, password="not-to-be-shown"), session)

    with pytest.raises(AccessRefused, match=f"'{USER}'") as refusal:
        await stranger.register(ME)
    assert "not-to-be-shown" not in str(refusal.value)


async def test_without_a_user_it_is_refused_where_one_is_asked_for(
    config: NacosConfig, session: aiohttp.ClientSession
) -> None:
    with pytest.raises(AccessRefused):
        await NacosClient(replace(config, username=""), session).register(ME)


async def test_another_path_is_no_nacos(
    config: NacosConfig, session: aiohttp.ClientSession
) -> None:
    address = config.addresses[0].replace("/nacos", "/elsewhere")

    with pytest.raises(WrongPath, match="/elsewhere: HTTP 404"):
        await NacosClient(replace(config, addresses=(address,)), session).register(ME)


async def test_a_server_that_is_away_is_passed_over(
    config: NacosConfig, session: aiohttp.ClientSession
) -> None:
    nobody = "http://127.0.0.1:1/nacos"
    client = NacosClient(replace(config, addresses=(nobody, *config.addresses)), session)

    await client.register(ME)

    found = dict(await client.check(ME.service))
    assert isinstance(found[nobody], NacosUnreachable)
    assert found[config.addresses[0]] is None


async def test_it_learns_which_generation_answers(client: NacosClient, server: Server) -> None:
    await client.register(ME)

    assert client.api_of(server.url) is (Api.V1 if server.is_old else Api.V3)
