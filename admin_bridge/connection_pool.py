"""Kept HTTP connections to one address of an Admin: what goes over them is small.

Not aiohttp's client: a call of fifty results took 170 µs of it, more than any other library on the
way of a run, for what is not needed here (ADR 0016 has the measurement).
"""

from __future__ import annotations

import asyncio
import base64
import socket
import ssl
from collections.abc import Mapping
from contextlib import suppress
from functools import cached_property
from typing import NamedTuple, cast
from urllib.parse import SplitResult, quote, unquote, urlsplit

import aiohappyeyeballs
import httptools

_MOST_BODY = 64 * 1024
"""Bytes read of an answer; an Admin's has a hundred, a page shows what it is in these."""
_IDLE_S = 15.0
"""A connection that was silent for longer may have died on the way: another one is opened."""
_NEXT_ADDRESS_S = 0.25
"""A host has several addresses: how long one is waited for before the next is tried beside it."""
_PORTS = {"http": 80, "https": 443}
_KEPT_IN_PATHS = "/%:@!$&'()*+,;=~"


class Reply(NamedTuple):
    """An HTTP answer; its body may be cut."""

    status: int
    content_type: str
    location: str
    body: bytes


class ConnectionPool:
    """Posts to one address, over a connection that is kept where it may be, else over a new one."""

    def __init__(self, address: str, headers: Mapping[str, str]) -> None:
        """*address* is a base URL, *headers* what is sent with each request besides the usual."""
        self._url = urlsplit(address)
        self._headers = headers
        self._idle: list[_Connection] = []

    async def post(self, operation: str, body: bytes) -> Reply:
        """What is answered to *body* at *operation*, a path below the address.

        Takes as long as it takes. Raise OSError, or ValueError where what comes is no HTTP.
        """
        path, lines = self._fixed
        head = f"POST {path}/{operation} HTTP/1.1\r\n{lines}Content-Length: {len(body)}\r\n\r\n"
        connection = self._kept() or await self._open()
        try:
            reply = await connection.ask(head.encode() + body)
        except BaseException:
            connection.close()
            raise
        if connection.is_open:
            self._idle.append(connection)
        return reply

    def close(self) -> None:
        """Close what is kept."""
        while self._idle:
            self._idle.pop().close()

    @cached_property
    def _fixed(self) -> tuple[str, str]:
        """The path and the lines that all requests have. Raise ValueError: no address can be so."""
        return quote(self._url.path, safe=_KEPT_IN_PATHS), _lines(self._url, self._headers)

    @cached_property
    def _trust(self) -> ssl.SSLContext | None:
        """Whose certificates are good: read once, it takes long; None where none is asked for."""
        return ssl.create_default_context() if self._url.scheme == "https" else None

    def _kept(self) -> _Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if connection.is_open and connection.silent_s < _IDLE_S:
                return connection
            connection.close()
        return None

    async def _open(self) -> _Connection:
        loop = asyncio.get_running_loop()
        host, port = _host(self._url), self._url.port or _PORTS[self._url.scheme]
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        plug = await aiohappyeyeballs.start_connection(
            found, happy_eyeballs_delay=_NEXT_ADDRESS_S, loop=loop
        )
        plug.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            _, connection = await loop.create_connection(
                lambda: _Connection(loop),
                sock=plug,
                ssl=self._trust,
                server_hostname=host if self._trust else None,
            )
        except BaseException:
            with suppress(OSError):  # where the loop has not taken it yet (uvloop#653)
                plug.close()
            raise
        return connection


def _host(url: SplitResult) -> str:
    return (url.hostname or "").encode("idna").decode()


def _lines(url: SplitResult, headers: Mapping[str, str]) -> str:
    host = _host(url)
    named = f"[{host}]" if ":" in host else host
    lines = {"Host": f"{named}:{url.port}" if url.port else named, **headers}
    if url.username is not None:  # a proxy in front of the Admin asks who we are
        said = f"{unquote(url.username)}:{unquote(url.password or '')}"
        lines["Authorization"] = f"Basic {base64.b64encode(said.encode()).decode()}"
    return "".join(f"{name}: {value}\r\n" for name, value in lines.items())


class _Connection(asyncio.Protocol):
    """One request at a time."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[Reply] | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._since = loop.time()
        self._begin()

    def _begin(self) -> None:
        """Await the next answer."""
        self._headers: dict[bytes, bytes] = {}
        self._body = b""
        self._is_body = False

    @property
    def is_open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    @property
    def silent_s(self) -> float:
        """How long it has not been used, seconds."""
        return self._loop.time() - self._since

    async def ask(self, request: bytes) -> Reply:
        """Send *request*, and wait for its answer. Raise OSError, ValueError."""
        if self._transport is None:
            raise ConnectionResetError("the connection was closed at once")
        self._answer = self._loop.create_future()
        self._transport.write(request)
        try:
            return await self._answer
        finally:
            self._answer = None

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    # the transport's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by its class

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        endless = self._is_body and not self._headers.keys() & {
            b"content-length",
            b"transfer-encoding",
        }
        if endless and exc is None:
            self._end(keep=False)
        else:
            self._fail(exc or ConnectionResetError("the connection was closed without an answer"))

    def data_received(self, data: bytes) -> None:
        if self._answer is None:
            self.close()  # nobody has asked
            return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self.close()
            self._fail(ValueError(f"the answer is no HTTP: {error}"))

    # the parser's side

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._is_body:  # a trailer comes too late
            self._headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        self._is_body = True

    def on_body(self, data: bytes) -> None:
        self._body += data
        if len(self._body) > _MOST_BODY:
            self._end(keep=False)

    def on_message_complete(self) -> None:
        if self._parser.get_status_code() < 200:  # "100 Continue", whose answer follows
            self._begin()
        else:
            self._end(keep=self._parser.should_keep_alive())

    def _end(self, *, keep: bool) -> None:
        """Give the answer, such as it is; one that nobody awaits ends the connection."""
        awaited = self._answer is not None and not self._answer.done()
        if self._answer is not None and awaited:
            self._answer.set_result(
                Reply(
                    self._parser.get_status_code(),
                    self._headers.get(b"content-type", b"").decode("latin-1"),
                    self._headers.get(b"location", b"").decode("latin-1"),
                    self._body[:_MOST_BODY],
                )
            )
        self._since = self._loop.time()
        if keep and awaited:
            self._begin()
        else:
            self.close()

    def _fail(self, error: Exception) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)
