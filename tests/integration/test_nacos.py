"""The service at a Nacos that comes, goes, forgets and talks nonsense."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from structlog.testing import capture_logs

from executor.testing._ports import free_port
from scheduler.nacos.client import NacosClient, NacosConfig
from scheduler.nacos.errors import AccessRefused, NacosRefused, NacosUnreachable, NotNacos
from scheduler.nacos.part import NacosPart, instance_of
from scheduler.nacos.registration import LEAVE_WITHIN_S, Registration
from scheduler.nacos.wire import Instance, Scope
from scheduler.settings import load
from tests.contract.fake_nacos import FakeNacos
from tests.integration.executor_service import until

ME = Instance("qooerp-scheduler", "127.0.0.1", 8100)
SCOPE = Scope("public", "DEFAULT_GROUP")


@pytest.fixture(params=["v1", "v3"])
async def nacos(request: pytest.FixtureRequest) -> AsyncIterator[FakeNacos]:
    async with FakeNacos(request.param, username="u", password="p") as nacos:
        yield nacos


@asynccontextmanager
async def a_client(*urls: str, password: str = "p", **how: float) -> AsyncIterator[NacosClient]:
    async with aiohttp.ClientSession() as session:
        yield NacosClient(NacosConfig(urls, SCOPE, "u", password), session, **how)


async def soon(_seconds: float) -> None:
    """Instead of the pause between beats."""
    await asyncio.sleep(0.001)


@asynccontextmanager
async def registered(
    client: NacosClient, sleep: Callable[[float], Any] = soon
) -> AsyncIterator[Registration]:
    registration = Registration(client, ME, sleep=sleep)
    task = asyncio.create_task(registration.run())
    try:
        yield registration
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_it_registers_again_when_it_was_forgotten(nacos: FakeNacos) -> None:
    async with a_client(nacos.url) as client, registered(client):
        await until(lambda: nacos.instances, "registered")

        nacos.instances.clear()

        await until(lambda: nacos.instances, "registered again")


async def test_a_restart_of_nacos_is_said_once_and_survived(nacos: FakeNacos) -> None:
    with capture_logs() as said:
        async with a_client(nacos.url) as client, registered(client):
            await until(lambda: said, "heard that it is registered")
            await nacos.stop()
            await until(lambda: "nacos_away" in [line["event"] for line in said], "seen")
            await nacos.start()
            await until(lambda: len(said) == 3, "heard that it is registered again")

    events = [(line["event"], line.get("again")) for line in said]
    assert events == [
        ("nacos_registered", False),
        ("nacos_away", None),
        ("nacos_registered", True),
    ]


async def test_a_nacos_that_comes_up_later_is_registered_at() -> None:
    port = free_port()
    async with a_client(f"http://127.0.0.1:{port}/nacos") as client, registered(client):
        await asyncio.sleep(0)
        async with FakeNacos("v3", username="u", password="p", port=port) as nacos:
            await until(lambda: nacos.instances, "registered")


async def test_an_upgrade_of_nacos_needs_nothing_here() -> None:
    nacos = FakeNacos("v1", username="u", password="p")
    async with nacos, a_client(nacos.url) as client, registered(client):
        await until(lambda: nacos.instances, "registered")
        await nacos.stop()
        nacos.generation = "v3"
        await nacos.start()
        await until(lambda: nacos.instances, "registered again")


async def test_the_server_that_answers_is_asked_first(nacos: FakeNacos) -> None:
    async with FakeNacos("v3") as dead:
        await dead.stop()
        async with a_client(dead.url, nacos.url) as client:
            await client.register(ME)
            await dead.start()
            await client.beat(ME)

            assert dead.asked == []


async def test_a_token_that_is_no_longer_good_is_renewed(nacos: FakeNacos) -> None:
    async with a_client(nacos.url) as client:
        await client.register(ME)
        nacos.tokens.clear()

        assert await client.beat(ME)
        assert sum("login" in line for line in nacos.asked if nacos.generation in line) == 2


async def test_one_sign_in_serves_many_calls(nacos: FakeNacos) -> None:
    async with a_client(nacos.url) as client:
        await asyncio.gather(*(client.instances(ME.service) for _ in range(20)))

        assert sum("login" in line for line in nacos.asked if nacos.generation in line) == 1


async def test_a_wrong_password_is_tried_less_and_less(nacos: FakeNacos) -> None:
    pauses: list[float] = []

    async def note(seconds: float) -> None:
        pauses.append(seconds)
        await asyncio.sleep(0 if len(pauses) < 12 else 60)

    with capture_logs() as said:
        stranger = a_client(nacos.url, password="not-to-be-shown")
        async with stranger as client, registered(client, note):
            await until(lambda: len(pauses) == 12)

    assert [line["event"] for line in said] == ["nacos_away"]
    assert "not-to-be-shown" not in str(said)
    assert pauses[-1] >= 30


@pytest.mark.parametrize(
    ("status", "text", "kind", "fault"),
    [
        (503, "starting", "text/plain", NacosUnreachable),
        (200, "<html>a proxy's page</html>", "text/html", NotNacos),
        (200, '{"half": ', "application/json", NotNacos),
        (200, "[1, 2]", "application/json", NotNacos),
        (302, "", "text/plain", NotNacos),
        (403, "token expired!", "text/plain", AccessRefused),
        (400, "Param 'ip' is illegal", "text/plain", NacosRefused),
    ],
)
async def test_every_strange_answer_is_recognised(
    status: int, text: str, kind: str, fault: type[Exception]
) -> None:
    async with FakeNacos("v3") as nacos, a_client(nacos.url) as client:
        nacos.answer_instead = web.Response(status=status, text=text, content_type=kind)

        with pytest.raises(fault, match=f"127.0.0.1:{nacos.port}"):
            await client.register(ME)


@pytest.mark.parametrize(
    "answer",
    [
        '{"accessToken": "t", "tokenTtl": "for ever"}',
        '{"accessToken": "t\\r\\nX: y", "tokenTtl": 1}',
        '{"accessToken": {}, "tokenTtl": 1}',
        '{"code": 0, "accessToken": "t", "tokenTtl": 1, "data": {"content": 1}}',
    ],
)
async def test_a_sign_in_or_a_config_of_another_kind_is_not_nacos_s(answer: str) -> None:
    async with FakeNacos("v3") as nacos, a_client(nacos.url) as client:
        nacos.answer_instead = web.Response(text=answer, content_type="application/json")

        with pytest.raises(NotNacos, match=f"127.0.0.1:{nacos.port}"):
            await client.config_text("a.yaml")


async def test_a_config_that_is_being_written_is_read_in_a_moment(nacos: FakeNacos) -> None:
    await nacos.publish("a.yaml", "a: b")
    nacos.answer_instead = web.Response(status=409, text="file is being modified")
    async with a_client(nacos.url) as client:
        reading = asyncio.create_task(client.config_text("a.yaml"))
        await until(lambda: len(nacos.asked) > 1)
        nacos.answer_instead = None

        assert await reading == "a: b"


async def test_what_is_no_instance_is_left_out() -> None:
    rows = ["x", {}, {"ip": 1, "port": 2}, {"ip": "a", "port": "b"}, {"ip": "a", "port": 1}]
    signed_in = {"accessToken": "t", "tokenTtl": 1}
    answer = json.dumps(
        signed_in | {"code": 0, "data": [{"ip": "b", "port": 2, "metadata": [1]}, *rows]}
    )
    async with FakeNacos("v3") as nacos, a_client(nacos.url) as client:
        nacos.answer_instead = web.Response(text=answer, content_type="application/json")

        assert [(one.ip, one.port) for one in await client.instances("x")] == [("a", 1)]


async def test_half_a_config_is_no_config(nacos: FakeNacos) -> None:
    await nacos.publish("big.yaml", "x" * (2**20 + 1))
    async with a_client(nacos.url) as client:
        with pytest.raises(NotNacos, match="more than"):
            await client.config_text("big.yaml")


async def test_leaving_takes_no_longer_than_it_may(nacos: FakeNacos) -> None:
    with capture_logs() as said:
        async with a_client(nacos.url, timeout_s=60) as client:
            async with registered(client) as registration:
                await until(lambda: said, "heard that it is registered")
            nacos.hold.clear()
            begun = time.monotonic()

            await registration.leave()

    assert [line["event"] for line in said] == ["nacos_registered", "nacos_deregistration_failed"]
    assert time.monotonic() - begun < LEAVE_WITHIN_S + 10


def settings_for(*addresses: str, **more: str) -> Any:
    environ = {"QOOERP_NACOS__SERVER_ADDRESSES": ",".join(addresses)}
    return load(None, environ | {f"QOOERP_{key.upper()}": value for key, value in more.items()})


async def test_the_service_is_listed_with_what_callers_need_and_gone_when_it_leaves() -> None:
    async with FakeNacos("v3") as nacos:
        part = NacosPart(settings_for(nacos.address))
        part.start(8101, executor_url="http://127.0.0.1:9999", live={})
        await until(lambda: nacos.instances, "registered")

        [(key, host)] = nacos.instances.items()
        await part.stop()

    assert key == ("public", "DEFAULT_GROUP", "qooerp-scheduler", "127.0.0.1", "8101")
    assert host["metadata"].pop("version").startswith("0.")
    assert host["metadata"] == {
        "roles": "scheduler,executor",
        "api": "/api/scheduler",
        "health": "/health",
        "executor": "http://127.0.0.1:9999",
    }
    assert nacos.asked[-1] == "DELETE /nacos/v3/client/ns/instance"


async def test_without_addresses_nothing_is_begun() -> None:
    part = NacosPart(settings_for())
    part.start(8100, executor_url="", live={})

    assert asyncio.all_tasks() == {asyncio.current_task()}
    await part.stop()


@pytest.mark.parametrize(
    ("settings", "host", "port"),
    [
        ({"nacos__address": "scheduler.example:80"}, "scheduler.example", 80),
        ({"nacos__address": "10.0.0.7"}, "10.0.0.7", 8100),
        ({"nacos__address": "[fd00::7]:81"}, "fd00::7", 81),
        ({"scheduler__host": "10.0.0.8"}, "10.0.0.8", 8100),
        ({"scheduler__host": "0.0.0.0"}, "127.0.0.1", 8100),
    ],
)
def test_it_says_where_it_can_be_reached(settings: dict[str, str], host: str, port: int) -> None:
    config = NacosConfig(("http://127.0.0.1:8848/nacos",), SCOPE)
    me = instance_of(settings_for("127.0.0.1", **settings), config, 8100)

    assert (me.ip, me.port) == (host, port)
