"""The little HTTP/1.1 that a load generator needs: messages with a Content-Length, keep-alive."""

from __future__ import annotations

import asyncio
import re
from typing import cast

LENGTH = re.compile(rb"content-length:\s*(\d+)", re.IGNORECASE)
TOKEN = "bench"


def request(path: str, body: bytes, *, host: str = "127.0.0.1") -> bytes:
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json;charset=UTF-8\r\n"
        f"XXL-JOB-ACCESS-TOKEN: {TOKEN}\r\nConnection: keep-alive\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def response(body: bytes) -> bytes:
    head = (
        f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class Messages(asyncio.Protocol):
    """Cuts a byte stream into messages and hands each to `message(head, body)`."""

    def __init__(self) -> None:
        self._rest = b""
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        data = self._rest + data if self._rest else data
        while (end := data.find(b"\r\n\r\n")) >= 0:
            found = LENGTH.search(data, 0, end)
            stop = end + 4 + (int(found[1]) if found else 0)
            if len(data) < stop:
                break
            self.message(data[:end], data[end + 4 : stop])
            data = data[stop:]
        self._rest = data

    def message(self, head: bytes, body: bytes) -> None:
        raise NotImplementedError


class Caller(Messages):
    """One keep-alive connection, one request at a time."""

    def __init__(self) -> None:
        super().__init__()
        self._answer: asyncio.Future[bytes] | None = None

    async def post(self, path: str, body: bytes = b"{}") -> bytes:
        """The body of the answer; raises ConnectionError when the connection ends before it."""
        return await self.send(request(path, body))

    async def send(self, message: bytes) -> bytes:
        """The same for a request that is whole."""
        assert self.transport is not None
        self._answer = asyncio.get_running_loop().create_future()
        self.transport.write(message)
        return await self._answer

    def message(self, head: bytes, body: bytes) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(body)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(exc or ConnectionResetError("closed before the answer"))


async def connect(port: int) -> Caller:
    loop = asyncio.get_running_loop()
    _, caller = await loop.create_connection(Caller, "127.0.0.1", port)
    return caller


async def post(port: int, path: str, body: bytes = b"{}") -> bytes:
    """One request on a connection of its own."""
    caller = await connect(port)
    try:
        return await caller.post(path, body)
    finally:
        if caller.transport is not None:
            caller.transport.close()
