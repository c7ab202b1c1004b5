from __future__ import annotations

import asyncio
import contextlib
import json
import resource
import socket
import time
from functools import partial

import psutil
import pytest

from scheduler.api.door import HEAD_WITHIN_S, MOST_CONNECTIONS
from tests.integration.api_service import LIMIT_S, PREFIX, TOKENS, Api
from tests.integration.engine_service import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

HALF_OPEN = 2_000
HALF = b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: "


async def opened(api: Api, said: bytes = b"") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", api.app.port)
    writer.write(said)
    return reader, writer


async def is_well(api: Api) -> bool:
    async with api.session.get(f"{api.url}/health") as response:
        return response.status == 200


async def test_half_open_connections_do_not_stop_the_health(api: Api) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 8192)), hard))
    held: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
    try:
        held += [await opened(api, HALF if number % 2 else b"") for number in range(HALF_OPEN)]

        await until(partial(is_well, api), bool)  # PostgreSQL is given 2 s

        oldest = [reader.read() for reader, _ in held[: HALF_OPEN - MOST_CONNECTIONS]]
        assert set(await asyncio.wait_for(asyncio.gather(*oldest), LIMIT_S)) == {b""}
    finally:
        for _, writer in held:
            writer.transport.abort()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_strangers_who_stay_keep_nobody_out(api: Api) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 8192)), hard))
    asked = f"GET {PREFIX}/handlers HTTP/1.1\r\nHost: a\r\n"
    token = f"Authorization: Bearer {TOKENS['viewer']}\r\n"
    known, writer = await opened(api, f"{asked}{token}\r\n".encode())
    held = [writer]
    try:
        assert b" 200 " in await known.readuntil(b"\r\n")
        for _ in range(MOST_CONNECTIONS):
            stranger, writer = await opened(api, f"{asked}\r\n".encode())
            held.append(writer)
            assert b" 401 " in await asyncio.wait_for(stranger.readuntil(b"\r\n"), LIMIT_S)

        await until(partial(is_well, api), bool)  # PostgreSQL is given 2 s
        newcomer, writer = await opened(api, f"{asked}{token}Connection: close\r\n\r\n".encode())
        held.append(writer)
        assert b" 200 " in await asyncio.wait_for(newcomer.read(), LIMIT_S)
        held[0].write(f"{asked}{token}Connection: close\r\n\r\n".encode())
        assert b" 200 " in await asyncio.wait_for(known.read(), LIMIT_S)
    finally:
        for writer in held:
            writer.transport.abort()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_who_makes_room_without_having_read_is_gone(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scheduler.api.door.MOST_CONNECTIONS", 20)
    asked = b"GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: a\r\n\r\n" * 8  # 1.7 MB each
    before = await open_here(api)
    with contextlib.ExitStack() as held:
        for _ in range(60):
            stranger = held.enter_context(socket.socket())
            stranger.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            stranger.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.sock_connect(stranger, ("127.0.0.1", api.app.port))
            await loop.sock_sendall(stranger, asked)
        await until(partial(open_here, api), lambda number: number > before)
        await until(partial(open_here, api), lambda number: number <= 20)
        await until(partial(is_well, api), bool)


async def open_here(api: Api) -> int:
    """Connections that the service holds."""
    here = psutil.Process().net_connections("tcp")
    return sum(one.laddr.port == api.app.port and one.status == "ESTABLISHED" for one in here)


async def test_a_head_that_does_not_come_is_not_waited_for(api: Api) -> None:
    begun = time.monotonic()
    reader, writer = await opened(api, HALF)
    silent, other = await opened(api)

    assert await asyncio.wait_for(reader.read(), HEAD_WITHIN_S + LIMIT_S) == b""
    assert await asyncio.wait_for(silent.read(), LIMIT_S) == b""
    assert time.monotonic() - begun > HEAD_WITHIN_S - 1
    writer.close()
    other.close()


@pytest.mark.parametrize(
    "said", [b"\x16\x03\x01\x02\x00\x01\x00", b"*1\r\n$4\r\nPING\r\n", b" /health", b"X" * 100]
)
async def test_what_is_no_http_is_told_so_as_everything_is_told(api: Api, said: bytes) -> None:
    reader, writer = await opened(api, said)
    answer = await asyncio.wait_for(reader.read(), LIMIT_S)
    head, _, body = answer.partition(b"\r\n\r\n")
    writer.close()

    assert head.startswith(b"HTTP/1.1 400 ")
    assert json.loads(body) == {"code": 400, "message": "this is no HTTP", "data": None}


async def test_a_request_may_come_a_byte_at_a_time(api: Api) -> None:
    token = TOKENS["viewer"]
    asked = (
        f"GET {PREFIX}/statistics/monitor HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n"
    )
    reader, writer = await opened(api)
    for byte in b"\r\n" + asked.encode() + b"Connection: close\r\n\r\n":
        writer.write(bytes([byte]))
        await writer.drain()
    answer = await asyncio.wait_for(reader.read(), LIMIT_S)
    writer.close()

    assert answer.startswith(b"HTTP/1.1 200 ")
