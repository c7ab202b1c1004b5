"""The fake Admin does what running Admins were seen to do."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest
from aiohttp import web

from executor.testing.fake_admin import FakeAdmin, Fault, Generation, LogLines

TOKEN = "s3cret"
APP = "qooerp-scheduler"
ENTRY = {"registryGroup": "EXECUTOR", "registryKey": APP, "registryValue": "http://h:1"}
ROW = {"logId": 1, "handleCode": 200, "handleMsg": "x", "executeResult": {"code": 200, "msg": "x"}}
OLD, NEW = ["2.2", "2.4", "3.2"], ["3.4", "3.5"]
UP_TO_3_4 = [*OLD, "3.4"]
WRONG_TOKEN = "The access token is wrong."


async def ask(
    admin: FakeAdmin,
    path: str = "/api/registry",
    body: object = ENTRY,
    *,
    method: str = "POST",
    token: str | None = TOKEN,
    **headers: str,
) -> tuple[int, Any]:
    """(HTTP status, the JSON answered or None)."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    sent = {"Content-Type": "application/json", "XXL-JOB-APPNAME": APP} | headers
    if token is not None:
        sent["XXL-JOB-ACCESS-TOKEN"] = token
    async with (
        aiohttp.ClientSession() as session,
        session.request(
            method, admin.url + path, data=data, headers=sent, allow_redirects=False
        ) as response,
    ):
        is_json = response.content_type == "application/json"
        return response.status, await response.json() if is_json else None


@pytest.mark.parametrize(
    ("generation", "answer"),
    [(g, {"code": 200, "msg": None, "content": None}) for g in ["2.2", "2.4"]]
    + [("3.2", {"code": 200, "content": None, "msg": "Success", "success": True})]
    + [(g, {"code": 200, "data": None, "msg": "Success", "success": True}) for g in NEW],
)
async def test_a_success_has_the_shape_of_its_generation(generation, answer):
    async with FakeAdmin(generation, TOKEN) as admin:
        assert await ask(admin) == (200, answer)


@pytest.mark.parametrize(
    ("generations", "request_", "message"),
    [
        (OLD + NEW, {"method": "GET", "token": "wrong"}, "HttpMethod not support."),
        (UP_TO_3_4, {"token": "wrong"}, WRONG_TOKEN),
        (UP_TO_3_4, {"token": None}, WRONG_TOKEN),
        (["3.5"], {"token": None}, "accessToken or appname is empty."),
        (["3.5"], {"XXL-JOB-APPNAME": ""}, "accessToken or appname is empty."),
        (["3.5"], {"token": "wrong"}, "accessToken or appname invalid."),
        (["3.5"], {"XXL-JOB-APPNAME": "other"}, "accessToken or appname invalid."),
        (OLD + NEW, {"path": "/api/nope"}, "invalid request, uri-mapping(nope) not found."),
        (OLD, {"body": b""}, "NullPointerException"),
        (OLD, {"body": b"", "token": "wrong"}, WRONG_TOKEN),
        (NEW, {"body": b"", "token": "wrong"}, "invalid request, requestBody empty."),
        (OLD, {"body": b"{"}, "JsonSyntaxException"),
        (NEW, {"body": b"{"}, "openapi invoke error: "),
        (OLD + NEW, {"body": ENTRY | {"registryKey": " "}}, "Illegal Argument."),
        (OLD + NEW, {"body": {}}, "Illegal Argument."),
        (OLD + NEW, {"Content-Type": "application/x-www-form-urlencoded"}, ""),
        (["3.5"], {"path": "/api/callback", "body": [ROW]}, "Expected BEGIN_OBJECT"),
        (UP_TO_3_4, {"path": "/api/callback", "body": {"callbackList": [ROW]}}, "BEGIN_ARRAY"),
        (["2.2"], {"path": "/api/callback", "body": [{"logId": 1, "handleCode": 200}]}, ""),
        (["2.4"], {"path": "/api/callback", "body": [ROW | {"handleCode": 200.5}]}, ""),
        (["2.4"], {"path": "/api/callback", "body": [ROW | {"handleMsg": {}}]}, ""),
    ],
)
async def test_what_is_refused_and_how(generations, request_, message):
    for generation in generations:
        async with FakeAdmin(generation, TOKEN) as admin:
            status, answer = await ask(admin, **request_)

        assert (status, answer["code"]) == (200, 500)
        assert message in answer["msg"]
        assert not admin.callbacks


@pytest.mark.parametrize(
    ("generation", "path", "status"),
    [
        ("2.4", "/api/registry/", 200),
        ("3.2", "/api/registry/", 404),
        ("3.4", "/api/registry/", 404),
        ("2.4", "/nope", 302),
        ("2.4", "/toLogin", 200),
        ("3.4", "/", 302),
        ("3.4", "/nope", 404),
    ],
)
async def test_paths_beside_the_api(generation, path, status):
    async with FakeAdmin(generation, TOKEN) as admin:
        assert (await ask(admin, path))[0] == status


async def test_a_registered_value_of_more_than_255_characters_is_answered_and_not_stored():
    async with FakeAdmin("2.4") as admin:
        status, answer = await ask(admin, body=ENTRY | {"registryValue": "http://" + "h" * 250})

        assert (status, answer["code"], admin.addresses) == (200, 200, [])


async def test_a_null_entry_loses_those_after_it_though_200_is_answered():
    async with FakeAdmin("2.4") as admin:
        _, answer = await ask(admin, "/api/callback", [ROW, None, ROW | {"logId": 2}])

        assert answer["code"] == 200
        assert [row["logId"] for row in admin.callbacks] == [1]


async def test_a_code_of_zero_leaves_the_row_open_and_the_first_result_stays():
    async with FakeAdmin("2.4") as admin:
        row = admin.rows.opened(None, 1, at_ms=0)
        for code, message in [(0, "neg"), (200, "later"), (500, "repeated")]:
            await ask(
                admin, "/api/callback", [{"logId": "1", "handleCode": code, "handleMsg": message}]
            )

        assert (row.handle_code, row.handle_msg) == (200, "neg<br>later")
        assert len(admin.callbacks) == 3


async def test_a_callback_for_an_unknown_log_is_answered_200():
    async with FakeAdmin("3.4") as admin:
        assert (await ask(admin, "/api/callback", [ROW]))[1]["code"] == 200


# Towards an executor


@dataclass
class Stub:
    """An executor that keeps what it was asked and answers what it was told to."""

    url: str = ""
    answer: bytes = b'{"code":200}'
    status: int = 200
    asked: list[tuple[str, Mapping[str, str], bytes]] = field(default_factory=list)

    async def serve(self, request: web.BaseRequest) -> web.Response:
        self.asked.append((request.path, request.headers, await request.read()))
        if not self.answer:
            return web.Response(status=self.status)
        if self.answer == b"drop" and request.transport is not None:
            request.transport.abort()
        return web.Response(body=self.answer, status=self.status)


@pytest.fixture
async def stub():
    stub = Stub()
    runner = web.ServerRunner(web.Server(stub.serve), shutdown_timeout=0.05)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    stub.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield stub
    await runner.cleanup()


@asynccontextmanager
async def an_admin(generation: str, stub: Stub) -> AsyncIterator[FakeAdmin]:
    async with FakeAdmin(generation, TOKEN) as admin:
        await ask(admin, body=ENTRY | {"registryValue": stub.url})
        assert await admin.registered() == stub.url
        yield admin


@pytest.mark.parametrize("generation", OLD + NEW)
async def test_a_trigger_is_sent_as_its_generation_sends_it(generation, stub):
    async with an_admin(generation, stub) as admin:
        log_id = await admin.trigger("demo", "a<b&c='1'>", shard=(1, 3))

    [(path, headers, body)] = stub.asked
    row = admin.rows[log_id]
    assert path == ("/trigger" if generation == "3.5" else "/run")
    assert ("XXL-JOB-APPNAME" in headers) == (generation == "3.5")
    assert headers["XXL-JOB-ACCESS-TOKEN"] == TOKEN
    assert "Accept-Encoding" not in headers
    assert (b"a\\u003cb\\u0026c\\u003d\\u00271\\u0027\\u003e" in body) == (generation in OLD)
    assert json.loads(body) == {
        "jobId": 1,
        "executorHandler": "demo",
        "executorParams": "a<b&c='1'>",
        "executorBlockStrategy": "SERIAL_EXECUTION",
        "executorTimeout": 0,
        "logId": 1,
        "logDateTime": row.trigger_ms,
        "glueType": "BEAN",
        "glueSource": "",
        "glueUpdatetime": row.trigger_ms // 1000 * 1000,
        "broadcastIndex": 1,
        "broadcastTotal": 3,
    }
    assert (row.trigger_code, row.executor_address, row.is_open) == (200, stub.url, True)


@pytest.mark.parametrize(
    ("generation", "answer", "trigger_code"),
    [
        ("2.4", b'{"code":500,"msg":"busy"}', 500),
        ("2.4", b'{"code":"200"}', 200),
        ("2.4", b'{"code":201}', 201),
        ("2.4", b"{}", 0),
        ("2.4", b"null", 0),
        ("3.4", b"null", 500),
        ("2.4", b"", 0),
        ("3.4", b"", 500),
        ("2.4", b"nonsense", 500),
        ("2.4", b"[]", 500),
        ("2.4", b"drop", 500),
    ],
)
async def test_what_the_row_says_of_an_answer(generation, stub, answer, trigger_code):
    stub.answer = answer
    async with an_admin(generation, stub) as admin:
        log_id = await admin.trigger("demo")

    assert admin.rows[log_id].trigger_code == trigger_code
    assert len(stub.asked) == (2 if answer == b"drop" else 1)


@pytest.mark.parametrize("status", [204, 401, 404, 500])
async def test_any_status_but_200_is_a_failed_trigger(stub, status):
    stub.status = status
    async with an_admin("2.4", stub) as admin:
        assert admin.rows[await admin.trigger("demo")].trigger_code == 500


@pytest.mark.parametrize(
    ("generation", "body", "length"),
    [("2.2", b"", None), ("2.4", b'""', "2"), ("3.2", b'""', "2"), ("3.4", b"", None)],
)
async def test_a_beat_has_no_body_and_no_length_since_3_3(generation, stub, body, length):
    async with an_admin(generation, stub) as admin:
        assert (await admin.beat()).is_success

    [(path, headers, sent)] = stub.asked
    assert (path, sent, headers.get("Content-Length")) == ("/beat", body, length)
    assert "Transfer-Encoding" not in headers


async def test_an_idle_beat_asks_for_the_job(stub):
    async with an_admin("2.4", stub) as admin:
        assert (await admin.idle_beat(4)).is_success

    assert [(path, body) for path, _, body in stub.asked] == [("/idleBeat", b'{"jobId":4}')]


@pytest.mark.parametrize("generation", OLD + NEW)
async def test_a_kill_fails_the_row_even_if_it_had_succeeded(generation, stub):
    async with an_admin(generation, stub) as admin:
        log_id = await admin.trigger("demo", job_id=2)
        row = admin.rows[log_id]
        row.finish(200, "done")

        await admin.kill(log_id)

    assert (row.handle_code, row.handle_msg) == (500, "Manual operation, kill job:")
    assert stub.asked[-1][0::2] == ("/kill", b'{"jobId":2}')


@pytest.mark.parametrize("generation", OLD + NEW)
async def test_the_end_of_a_log_is_the_admins_word(generation, stub):
    async with an_admin(generation, stub) as admin:
        log_id = await admin.trigger("demo")
        page = {"fromLineNum": 3, "toLineNum": 2, "logContent": "", "isEnd": False}
        stub.answer = json.dumps({"code": 200, admin.generation.payload_key: page}).encode()

        assert await admin.log_page(log_id, 3) == LogLines(3, 2, "", is_end=False)
        admin.rows[log_id].finish(200, None)
        assert await admin.log_page(log_id, 3) == LogLines(3, 2, "", is_end=True)

    asked = json.loads(stub.asked[-1][2])
    key = "logDateTime" if generation == "3.5" else "logDateTim"
    assert asked == {
        key: admin.rows[log_id].trigger_ms // 1000 * 1000,
        "logId": 1,
        "fromLineNum": 3,
    }


async def test_a_page_from_another_line_is_dropped(stub):
    async with an_admin("2.4", stub) as admin:
        log_id = await admin.trigger("demo")
        stub.answer = b'{"code":200,"content":{"fromLineNum":1,"toLineNum":2,"logContent":"x"}}'

        with pytest.raises(LookupError):
            await admin.log_page(log_id, 2)


async def test_log_ids_start_again_after_a_wipe(stub):
    async with FakeAdmin("2.4", first_log_id=7) as admin:
        ids = [await admin.trigger("demo", address=stub.url) for _ in range(2)]
        admin.wipe()

        assert [*ids, await admin.trigger("demo", address=stub.url)] == [7, 8, 7]


async def test_a_closed_port_opens_again_as_the_same_one():
    async with FakeAdmin("2.4") as admin:
        url = admin.url
        async with admin.fault(Fault.UNREACHABLE):
            with pytest.raises(aiohttp.ClientConnectorError):
                await ask(admin)

        assert admin.url == url
        assert (await ask(admin))[0] == 200


async def test_a_closed_port_is_nobody_elses_until_the_admin_has_left():
    async with FakeAdmin("2.4") as admin:
        port = urlsplit(admin.url).port
        async with admin.fault(Fault.UNREACHABLE):
            with socket.socket() as other, pytest.raises(OSError, match="in use"):
                other.bind(("127.0.0.1", port))

    with socket.socket() as other:
        other.bind(("127.0.0.1", port))


async def test_waiting_for_a_result_that_never_comes_ends():
    async with FakeAdmin("2.4") as admin:
        with pytest.raises(TimeoutError):
            await admin.finished(1, within=0.05)


async def test_a_result_wakes_the_one_who_waits():
    async with FakeAdmin("2.4") as admin:
        row = admin.rows.opened(None, 1, at_ms=0)
        waiting = asyncio.create_task(admin.finished(row.log_id))
        await ask(admin, "/api/callback", [ROW])

        assert (await waiting).handle_code == 200


def test_generations_compare_in_the_order_of_their_releases():
    assert sorted(Generation) == list(Generation)
