"""Whatever comes in: JSON with code 200 or 500, nothing changed by what is refused, never a dead port."""

from __future__ import annotations

import asyncio
import json
import resource
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.integration.executor_service import LIMIT_S, Service, a_trigger, an_executor, post, until

TOKEN = "s3cret"
MOST_CONNECTIONS = 300
HALF_OPEN = 10_000
"""Connections, in rounds of 500."""
OPERATIONS = ["/beat", "/idleBeat", "/run", "/trigger", "/kill", "/log"]
CLOSE = b"POST /beat HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One service for all that is sent here; it must be alive at the end."""
    folder = tmp_path_factory.mktemp("service")
    service = Service(
        folder, executor__access_token=TOKEN, executor__max_connections=MOST_CONNECTIONS
    )
    with asyncio.Runner() as runner:
        runner.run(service.start())
        yield service
        assert runner.run(service.answers())
        assert runner.run(service.stop()) == 0
    errors = service.errors.read_text()
    assert "Traceback" not in errors
    assert "Error" not in errors


def sent(port: int, data: bytes) -> bytes:
    """What comes back for *data*, until the service closes the connection."""
    with socket.create_connection(("127.0.0.1", port), timeout=LIMIT_S) as connection:
        with suppress(ConnectionError):  # it may be refused before all of it is sent
            connection.sendall(data)
        received = []
        with suppress(ConnectionResetError):
            while part := connection.recv(65536):
                received.append(part)
    return b"".join(received)


def answers(received: bytes) -> list[dict[str, Any]]:
    """The JSON answers in *received*, each in an HTTP 200."""
    found = []
    while received:
        head, _, rest = received.partition(b"\r\n\r\n")
        status, *lines = head.split(b"\r\n")
        assert status == b"HTTP/1.1 200 OK"
        headers = {k.lower(): v for k, v in (line.split(b": ", 1) for line in lines)}
        length = int(headers[b"content-length"])
        assert headers[b"content-type"] == b"application/json;charset=UTF-8"
        found.append(json.loads(rest[:length]))
        received = rest[length:]
    assert found
    for answer in found:
        assert answer["code"] in (200, 500)
        assert answer.keys() == {"code", "msg", "content", "data"}
        assert answer["code"] == 200 or answer["msg"]
        assert "Traceback" not in str(answer["msg"])
    return found


def request(
    path: bytes,
    body: bytes = b"",
    *,
    method: bytes = b"POST",
    headers: list[tuple[bytes, bytes]] | None = None,
    token: str = TOKEN,
) -> bytes:
    lines = [method + b" " + path + b" HTTP/1.1", b"Host: x", b"Connection: close"]
    lines += [name + b": " + value for name, value in headers or []]
    lines += [b"XXL-JOB-ACCESS-TOKEN: " + token.encode(), b"Content-Length: %d" % len(body)]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def ask(service: Service, path: str, body: bytes) -> dict[str, Any]:
    (answer,) = answers(sent(service.port, request(path.encode(), body)))
    return answer


MANY = settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
TEXT = st.binary(max_size=40).map(lambda raw: raw.translate(None, b"\r\n"))
HEADER_NAME = st.from_regex(rb"[!-9;-~]{1,20}", fullmatch=True).filter(
    lambda name: (
        name.lower()
        not in (b"content-length", b"transfer-encoding", b"connection", b"upgrade", b"expect")
    )
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner),
    max_leaves=12,
)
FIELDS = [*a_trigger(1), "fromLineNum", "logDateTim"]


@given(raw=st.binary(max_size=200))
@MANY
def test_bytes_that_are_no_http_are_answered_or_ignored_and_the_connection_ends(
    service: Service, raw: bytes
) -> None:
    answers(sent(service.port, raw + b"\r\n\r\n" + CLOSE))


@given(
    method=st.from_regex(rb"[A-Z]{1,10}", fullmatch=True) | st.just(b"POST"),
    path=TEXT.map(lambda raw: b"/" + raw.replace(b" ", b"")),
    headers=st.lists(st.tuples(HEADER_NAME, TEXT), max_size=4),
    body=st.binary(max_size=200),
)
@MANY
def test_any_request_is_answered(
    service: Service,
    method: bytes,
    path: bytes,
    headers: list[tuple[bytes, bytes]],
    body: bytes,
) -> None:
    raw = request(path, body, method=method, headers=headers)
    assert [answer["code"] for answer in answers(sent(service.port, raw))] == [500]


@given(path=st.sampled_from(OPERATIONS), body=st.binary(max_size=200) | JSON.map(json.dumps))
@MANY
def test_any_body_is_answered(service: Service, path: str, body: bytes | str) -> None:
    raw = body if isinstance(body, bytes) else body.encode("utf-8", "surrogatepass")
    assert (ask(service, path, raw)["code"] == 200) is (path == "/beat")


@given(
    path=st.sampled_from(["/idleBeat", "/run", "/trigger", "/kill", "/log"]),
    changes=st.dictionaries(st.sampled_from(FIELDS), JSON, min_size=1, max_size=3),
)
@MANY
def test_fields_of_any_type_and_size_are_answered(
    service: Service, path: str, changes: dict[str, Any]
) -> None:
    body = json.dumps(a_trigger(1, fromLineNum=1) | {"executorHandler": "nosuch"} | changes)
    ask(service, path, body.encode())


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"logId": "one"}, "logId: "),
        ({"logId": 2**63}, "logId: "),
        ({"jobId": None}, "jobId: "),
        ({"executorTimeout": 1.5}, "executorTimeout: "),
        ({"executorParams": ["a"]}, "executorParams: "),
        ({"executorHandler": "x" * 300}, "executorHandler: "),
        ({"executorHandler": "nosuch"}, "job handler [nosuch] not found."),
        ({"executorHandler": "<b>x"}, "job handler [&lt;b&gt;x] not found."),  # shown as HTML there
        ({"glueType": "GLUE_COBOL"}, "glueType[GLUE_COBOL] is not valid."),
        ({"glueType": None}, "glueType[null] is not valid."),
        ({"glueType": "GLUE_GROOVY"}, "GLUE_GROOVY is Java's"),
        ({"glueType": "GLUE_SHELL"}, "scripts of glueType[GLUE_SHELL] are not allowed"),
    ],
)
def test_a_refusal_names_the_field_and_the_rule(
    service: Service, changes: dict[str, Any], reason: str
) -> None:
    answer = ask(service, "/run", json.dumps(a_trigger(1) | changes).encode())

    assert answer["code"] == 500
    assert answer["msg"].startswith(reason)


@pytest.mark.parametrize("path", ["/idleBeat", "/run", "/kill", "/log"])
def test_an_empty_body_is_refused(service: Service, path: str) -> None:
    assert ask(service, path, b"")["msg"] == "request body is empty"


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"jobId":' * 50_000, b"[" * 1000 + b"]" * 1000])
def test_deep_nesting_is_refused(service: Service, body: bytes) -> None:
    assert ask(service, "/run", body)["code"] == 500


def test_a_text_that_utf_8_cannot_hold_is_answered(service: Service) -> None:
    body = json.dumps(a_trigger(900, "echo", "lone \ud800 surrogate")).encode()

    assert ask(service, "/run", body)["code"] in (200, 500)


@pytest.mark.parametrize("megabytes", [10, 50])
def test_a_huge_body_is_refused_with_a_reason(service: Service, megabytes: int) -> None:
    body = b'{"executorParams":"' + b"x" * (megabytes << 20) + b'"}'

    assert ask(service, "/run", body)["msg"] == "request body is larger than 8 MiB"


def test_a_script_as_large_as_the_reference_takes_it_is_read(service: Service) -> None:
    body = json.dumps(a_trigger(1, glueType="GLUE_SHELL", glueSource="x" * (5 << 20))).encode()

    assert "not allowed" in ask(service, "/run", body)["msg"]


@pytest.mark.parametrize("token", ["", "wrong", "s3cre", "s3crett", "s3cre\xff"])
@pytest.mark.parametrize("path", [*OPERATIONS, "/nope"])
def test_a_wrong_token_is_refused_on_every_path(service: Service, path: str, token: str) -> None:
    lines = request(path.encode(), b'{"jobId":1}', token="").replace(
        b"XXL-JOB-ACCESS-TOKEN: ", b"XXL-JOB-ACCESS-TOKEN: " + token.encode("latin-1")
    )
    (answer,) = answers(sent(service.port, lines))
    assert answer["msg"] == "The access token is wrong."


async def test_a_token_may_be_of_any_script(tmp_path: Path) -> None:
    async with an_executor(tmp_path, executor__access_token="пароль密码") as app:
        for token, code in (("пароль密码", 200), ("пароль", 500), ("", 500)):
            (answer,) = answers(
                await asyncio.to_thread(sent, app.port, request(b"/beat", token=token))
            )
            assert answer["code"] == code


@pytest.mark.parametrize(
    ("method", "path", "reason"),
    [
        (b"GET", b"/beat", "invalid request, HttpMethod not support."),
        (b"POST", b"/", "invalid request, uri-mapping(/) not found."),
        (b"POST", b"/beat/", "invalid request, uri-mapping(/beat/) not found."),
        (b"POST", b"/run?x=1", "invalid request, uri-mapping(/run?x=1) not found."),
        (b"POST", b"/../run", "invalid request, uri-mapping(/../run) not found."),
    ],
)
def test_what_is_no_operation_is_refused_in_the_reference_s_words(
    service: Service, method: bytes, path: bytes, reason: str
) -> None:
    (answer,) = answers(sent(service.port, request(path, b"{}", method=method)))

    assert (answer["code"], answer["msg"]) == (500, reason)


def test_a_beat_needs_neither_a_body_nor_a_length(service: Service) -> None:
    head = b"POST /beat HTTP/1.1\r\nHost: x\r\nConnection: close\r\nxxl-job-access-token: s3cret\r\n\r\n"

    (answer,) = answers(sent(service.port, head))
    assert answer["code"] == 200


def test_requests_on_one_connection_are_answered_in_their_order(service: Service) -> None:
    one = request(b"/beat").replace(b"Connection: close", b"Connection: keep-alive")
    two = request(b"/nope").replace(b"Connection: close", b"Connection: keep-alive")

    codes = [a["code"] for a in answers(sent(service.port, one + two + one + request(b"/beat")))]
    assert codes == [200, 500, 200, 200]


@pytest.mark.parametrize("reads", [True, False])
def test_requests_without_end_on_one_connection_end_it(service: Service, reads: bool) -> None:
    many = request(b"/x").replace(b"Connection: close", b"Connection: keep-alive") * 100_000
    before = psutil.Process(service.pid).memory_info().rss
    with socket.create_connection(("127.0.0.1", service.port), timeout=1.0) as connection:
        with suppress(OSError):  # it is closed, or nobody reads any more
            for at in range(0, len(many), 65536):
                connection.sendall(many[at : at + 65536])
                if reads:
                    connection.recv(65536)
        grown = psutil.Process(service.pid).memory_info().rss - before

    assert grown < 20e6
    assert ask(service, "/beat", b"")["code"] == 200


def test_trailers_without_end_are_not_kept(service: Service) -> None:
    head = request(b"/x").replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
    trailers = b"".join(b"XXL-%d: %s\r\n" % (n, b"x" * 8000) for n in range(9_000))
    before = psutil.Process(service.pid).memory_info().rss
    sent(service.port, head + b"0\r\n" + trailers)

    assert psutil.Process(service.pid).memory_info().rss - before < 20e6
    assert ask(service, "/beat", b"")["code"] == 200


@pytest.mark.parametrize("more", [b"", b"POST /run HTTP/1.1\r\nHo"])
async def test_a_client_that_does_not_read_is_dropped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: bytes
) -> None:
    for name in ("server._SWEEP_S", "connection._IDLE_S", "connection._LINGER_S"):
        monkeypatch.setattr(f"executor.{name}", 0.1)
    monkeypatch.setattr("executor.connection.REQUEST_WITHIN_S", 0.1)
    page = json.dumps({"logDateTim": 0, "logId": 1, "fromLineNum": 1}).encode()
    asked = request(b"/log", page).replace(b"Connection: close", b"Connection: keep-alive")
    async with an_executor(tmp_path) as app:
        lines = a_trigger(1, "lines", "200000", logDateTime=0)
        assert (await post(app.url() + "/run", lines)).code == 200
        await until(lambda: not app.dispatcher.is_busy("default", 1))
        with socket.create_connection(("127.0.0.1", app.port)) as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.sendall(asked * 8 + more)
            here = connection.getsockname()
            await until(lambda: here in peers_of(app.port))
            await until(lambda: here not in peers_of(app.port))


def peers_of(port: int) -> set[tuple[str, int]]:
    """Who is connected with *port*, as this process sees its own end there."""
    connections = psutil.Process().net_connections("tcp")
    return {
        (one.raddr.ip, one.raddr.port)
        for one in connections
        if one.laddr.port == port and one.raddr and one.status == psutil.CONN_ESTABLISHED
    }


def test_a_client_that_waits_to_be_told_to_go_on_is_told_so(service: Service) -> None:
    body = b'{"jobId":1}'
    head, _, _ = request(b"/idleBeat", body, headers=[(b"Expect", b"100-continue")]).partition(body)
    with socket.create_connection(("127.0.0.1", service.port), timeout=3.0) as connection:
        connection.sendall(head)
        assert connection.recv(65536).startswith(b"HTTP/1.1 100 Continue\r\n")
        connection.sendall(body)

        (answer,) = answers(connection.recv(65536))
    assert answer["code"] == 200


@pytest.mark.parametrize("name", [b"Upgrade", b"upgrade"])
def test_who_offers_another_protocol_is_answered_in_this_one(service: Service, name: bytes) -> None:
    """Java's HttpClient offers HTTP/2 with its first request, unless it is told not to."""
    offer = [
        (b"Connection", b"Upgrade, HTTP2-Settings"),
        (name, b"h2c"),
        (b"HTTP2-Settings", b"AAE"),
    ]
    asked = request(b"/idleBeat", b'{"jobId":"none"}', headers=offer)
    asked = asked.replace(b"Connection: close\r\n", b"")

    codes = answers(sent(service.port, asked + request(b"/beat")))
    assert "jobId" in codes[0]["msg"], "the body was not read"
    assert codes[1]["code"] == 200


def test_a_body_that_breaks_off_changes_nothing(service: Service) -> None:
    whole = request(b"/run", json.dumps(a_trigger(901, "echo")).encode())
    with socket.create_connection(("127.0.0.1", service.port)) as connection:
        connection.sendall(whole[:-5])
    log = ask(service, "/log", b'{"logId":901,"logDateTim":1795466126000,"fromLineNum":1}')

    assert "no log is kept here" in log["data"]["logContent"]


def test_a_chunked_body_is_read_and_a_broken_one_refused(service: Service) -> None:
    def chunked(body: bytes) -> bytes:
        head = request(b"/idleBeat").replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
        return head + body

    good = answers(sent(service.port, chunked(b'b\r\n{"jobId":1}\r\n0\r\n\r\n')))
    broken = answers(sent(service.port, chunked(b"zz\r\nnonsense")))
    assert [a["code"] for a in (*good, *broken)] == [200, 500]


async def test_half_open_connections_do_not_stop_the_beat(service: Service) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = min(hard, HALF_OPEN + 1000)  # some machines allow fewer
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, most), hard))
    half = request(b"/run", b"{}")[:-4]
    writers: list[asyncio.StreamWriter] = []
    try:
        for _ in range((most - 1000) // 500):
            service.signal(signal.SIGSTOP)  # so that they all come at once
            opened = (asyncio.open_connection("127.0.0.1", service.port) for _ in range(500))
            writers += [writer for _, writer in await asyncio.gather(*opened)]
            for writer in writers[-500:]:
                writer.write(half)
            service.signal(signal.SIGCONT)
            assert (await post(service.url + "/beat", token=TOKEN)).code == 200
        assert psutil.Process(service.pid).num_fds() < MOST_CONNECTIONS + 100
    finally:
        for writer in writers:
            writer.transport.abort()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        await asyncio.sleep(0)  # so that they are closed


async def test_connections_do_not_take_the_files_that_runs_need(tmp_path: Path) -> None:
    service = Service(tmp_path)
    with ExitStack() as idle:
        await service.launch(limit=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100)))
        await until(lambda: "executor_started" in service.errors.read_text(), "the start")
        for _ in range(150):
            idle.enter_context(socket.create_connection(("127.0.0.1", service.port)))
        trigger = post(service.url + "/run", a_trigger(1))

        assert (await asyncio.wait_for(trigger, LIMIT_S)).code == 200
    await service.stop()


@pytest.mark.parametrize("part", [b"POST /run HT", request(b"/run", b"{}")[:-1]])
async def test_a_request_that_does_not_come_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: bytes
) -> None:
    monkeypatch.setattr("executor.connection.REQUEST_WITHIN_S", 0.2)
    monkeypatch.setattr("executor.server._SWEEP_S", 0.1)
    async with an_executor(tmp_path) as app:
        received = await asyncio.to_thread(sent, app.port, part)
        assert (await post(app.url() + "/beat")).code == 200

    (answer,) = answers(received)
    assert answer["msg"].startswith("request did not come within")
