"""Connections of the executor's port: kept, counted, given up, and never its end."""

from __future__ import annotations

import asyncio
import json
import resource
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import psutil
import pytest

from tests.integration.executor_service import LIMIT_S, Service, a_trigger, an_executor, post, until
from tests.integration.executor_wire import (
    MOST_CONNECTIONS,
    TOKEN,
    a_service_that_lives,
    answers,
    ask,
    request,
    sent,
)

HALF_OPEN = 10_000
"""Connections, in rounds of 500."""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with a_service_that_lives(tmp_path_factory.mktemp("service")) as service:
        yield service


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
