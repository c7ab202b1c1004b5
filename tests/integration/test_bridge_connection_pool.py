"""Kept connections to an Admin, against servers that answer as servers do."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from admin_bridge.connection_pool import ConnectionPool, Reply
from tests.integration.mail_server import a_certificate

OK = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 12\r\n\r\n{"code":200}'
GOOD = Reply(200, "application/json", "", b'{"code":200}')
Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Server:
    """What came over each of its connections."""

    url: str = ""
    connections: list[list[bytes]] = field(default_factory=list)


@pytest.fixture
def secure(tmp_path: Path) -> ssl.SSLContext:
    """A server's, with a certificate that nobody has signed but itself: `cert.pem`."""
    a_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    return context


@asynccontextmanager
async def a_server(*answers: bytes, secure: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    """Answer the n-th request of all with the n-th of *answers*; an empty one hangs up."""
    server, left = Server(), list(answers)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests: list[bytes] = []
        server.connections.append(requests)
        while head := await reader.readuntil(b"\r\n\r\n"):
            size = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            requests.append(head + await reader.readexactly(size))
            answer = left.pop(0)
            writer.write(answer)
            if not answer or b"Connection: close" in answer:
                break

    async with _listening(serve, secure) as port:
        server.url = f"http{'s' if secure else ''}://127.0.0.1:{port}"
        yield server


@asynccontextmanager
async def _listening(serve: Answer, secure: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """The port; what is served ends when its client hangs up, and is waited for."""
    serving: set[asyncio.Task[None]] = set()

    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        serving.add(task)
        with suppress(asyncio.IncompleteReadError, OSError):
            await serve(reader, writer)
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()

    listener = await asyncio.start_server(served, "127.0.0.1", 0, ssl=secure)
    yield listener.sockets[0].getsockname()[1]
    listener.close()
    if serving:
        await asyncio.wait(serving)


@asynccontextmanager
async def a_pool(address: str, **headers: str) -> AsyncIterator[ConnectionPool]:
    pool = ConnectionPool(address, headers)
    yield pool
    pool.close()


async def test_a_request_says_what_it_must() -> None:
    async with a_server(OK) as server, a_pool(f"{server.url}/admin", **{"XXL-X": "é"}) as pool:
        assert await pool.post("api/callback", b"[1]") == GOOD

    host = server.url.removeprefix("http://")
    assert server.connections == [
        [
            f"POST /admin/api/callback HTTP/1.1\r\nHost: {host}\r\nXXL-X: é\r\n"
            "Content-Length: 3\r\n\r\n[1]".encode()
        ]
    ]


async def test_one_connection_serves_one_request_after_the_other() -> None:
    async with a_server(OK, OK, OK) as server, a_pool(server.url) as pool:
        for _ in range(3):
            assert await pool.post("x", b"") == GOOD

    assert [len(requests) for requests in server.connections] == [3]


async def test_requests_at_the_same_time_have_connections_of_their_own() -> None:
    async with a_server(OK, OK, OK) as server, a_pool(server.url) as pool:
        replies = await asyncio.gather(*(pool.post("x", b"") for _ in range(2)))
        assert replies == [GOOD, GOOD]
        await pool.post("x", b"")

    assert sorted(len(requests) for requests in server.connections) == [1, 2]


async def test_a_connection_that_was_closed_meanwhile_is_not_used() -> None:
    closing = OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    async with a_server(closing, OK) as server, a_pool(server.url) as pool:
        assert await pool.post("x", b"") == GOOD
        assert await pool.post("x", b"") == GOOD

    assert [len(requests) for requests in server.connections] == [1, 1]


@pytest.mark.parametrize(
    ("answer", "reply"),
    [
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
            Reply(200, "", "", b"abcde"),
        ),
        (b"HTTP/1.0 200 OK\r\nX: Connection: close\r\n\r\nto the end", Reply(200, "", "", b"to the end")),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, GOOD),
        (
            b"HTTP/1.1 302 Found\r\nlocation: /toLogin\r\nContent-Length: 0\r\n\r\n",
            Reply(302, "", "/toLogin", b""),
        ),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 90000\r\n\r\n" + b"x" * 90_000,
            Reply(200, "", "", b"x" * 64 * 1024),
        ),
    ],
)  # fmt: skip
async def test_an_answer_may_come_in_many_shapes(answer: bytes, reply: Reply) -> None:
    async with a_server(answer, OK) as server, a_pool(server.url) as pool:
        assert await pool.post("x", b"") == reply
        assert await pool.post("x", b"") == GOOD


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (b"", OSError, "closed without an answer"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nX: Connection: close\r\n\r\nab", OSError, "closed"),
        (b"SSH-2.0-OpenSSH_9\r\n", ValueError, "no HTTP"),
    ],
)  # fmt: skip
async def test_what_is_no_answer_is_an_error(
    answer: bytes, error: type[Exception], words: str
) -> None:
    async with a_server(answer, OK) as server, a_pool(server.url) as pool:
        with pytest.raises(error, match=words):
            await pool.post("x", b"")
        assert await pool.post("x", b"") == GOOD


async def test_an_answer_that_comes_too_late_is_nobodys() -> None:
    """A request that was given up takes its connection with it."""
    late, came = asyncio.Event(), asyncio.Event()
    asked = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        while await reader.readuntil(b"\r\n\r\n"):
            asked += 1
            if asked == 1:
                came.set()
                await late.wait()
                writer.write(OK.replace(b"200}", b"500}"))
            writer.write(OK)

    async with _listening(serve) as port, a_pool(f"http://127.0.0.1:{port}") as pool:
        asking = asyncio.create_task(pool.post("x", b""))
        await came.wait()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        late.set()
        assert await pool.post("x", b"") == GOOD
        assert await pool.post("x", b"") == GOOD


async def test_who_speaks_unasked_is_hung_up_on() -> None:
    async with a_server(OK + OK, OK) as server, a_pool(server.url) as pool:
        assert await pool.post("x", b"") == GOOD
        assert await pool.post("x", b"") == GOOD

    assert [len(requests) for requests in server.connections] == [1, 1]


async def test_names_and_paths_are_written_as_the_wire_wants_them() -> None:
    async with a_server(OK) as server:
        port = server.url.rpartition(":")[2]
        async with a_pool(f"http://ops:p%40ss@localhost:{port}/作业/a%20b") as pool:
            assert await pool.post("api/registry", b"") == GOOD

    (request,) = server.connections[0]
    assert request.startswith(b"POST /%E4%BD%9C%E4%B8%9A/a%20b/api/registry HTTP/1.1\r\n")
    assert f"\r\nHost: localhost:{port}\r\n".encode() in request
    assert b"\r\nAuthorization: Basic b3BzOnBAc3M=\r\n" in request


async def test_a_server_that_cannot_show_who_it_is_is_not_spoken_to(
    secure: ssl.SSLContext,
) -> None:
    async with a_server(OK, secure=secure) as server, a_pool(server.url) as pool:
        with pytest.raises(OSError, match="certificate verify failed"):
            await pool.post("x", b"secret")

    assert all(not requests for requests in server.connections)


async def test_a_server_that_can_is(
    secure: ssl.SSLContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
    async with a_server(OK, OK, secure=secure) as server, a_pool(server.url) as pool:
        assert await pool.post("x", b"") == GOOD
        assert await pool.post("x", b"") == GOOD

    assert [len(requests) for requests in server.connections] == [2]
