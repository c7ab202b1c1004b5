"""One connection to the executor's port: httptools on an asyncio protocol, bounded in size and time.

Not aiohttp's server: an Admin's request is small and its answer smaller, and three quarters of
the time for both went into machinery that they do not need (ADR 0009 has the measurement).
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from typing import Protocol, cast

import httptools

from admin_bridge import wire
from executor.endpoints import Admitted, Endpoints

MOST_BODY = 8 * 2**20
"""Bytes; a script of 5 MiB and its escapes fit."""
MOST_DISCARDED = 64 * 2**20
"""Bytes of a body that is too long: read to its end, so that its sender can hear the answer."""
_MOST_HEAD = 64 * 1024
_MOST_PIPELINED = 16
REQUEST_WITHIN_S = 10.0
_IDLE_S = 90.0
"""The reference closes idle connections after this; the Admin's client expects no less."""
_LINGER_S = 10.0
"""How long who is closed may take to read what was answered."""
_OTHERS = frozenset(
    b"Accept Accept-Charset Cache-Control Connection Content-Length Content-Type Host Pragma"
    b" User-Agent".split()
)
"""Headers that every Admin sends and nobody here reads."""

_UPGRADE = re.compile(rb"^upgrade(?=:)", re.IGNORECASE | re.MULTILINE)

_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json;charset=UTF-8\r\nContent-Length: %d\r\n"
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_MALFORMED = wire.failure("invalid request, malformed HTTP.")
_TOO_LONG = wire.failure(f"request body is larger than {MOST_BODY >> 20} MiB")
_TOO_SLOW = wire.failure(f"request did not come within {REQUEST_WITHIN_S:.0f} s")


class Listener(Protocol):
    """Who a connection belongs to."""

    endpoints: Endpoints
    loop: asyncio.AbstractEventLoop
    stopping: bool
    """Answers that go out now are the last ones."""

    def opened(self, connection: Connection) -> None: ...

    def closed(self, connection: Connection) -> None: ...

    def answered(self) -> None:
        """A connection has sent its last answer while the listener stops."""
        ...


class _Request:
    """A whole request: where it goes, or the answer that it has already earned."""

    __slots__ = ("admitted", "body", "keep_alive")

    def __init__(self, admitted: Admitted | bytes, body: bytes, *, keep_alive: bool) -> None:
        self.admitted = admitted
        self.body = body
        self.keep_alive = keep_alive


class Connection(asyncio.Protocol):
    """One connection: requests are answered one after the other, in their order."""

    def __init__(self, server: Listener) -> None:
        self._server = server
        self._endpoints = server.endpoints
        self._loop = server.loop
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._requests: deque[_Request] = deque()
        self._keep_alive = True
        self.busy = False
        """A whole request has come, and its answer has not gone."""
        self._writable = True
        self._ending = False
        """Nothing more is listened to."""
        self.closing = False
        self.since = self._loop.time()
        """When the request that is on its way began, the last answer went, or the end began."""
        self._begin()

    def _begin(self) -> None:
        """Await the next request."""
        self._url = b""
        self._headers: dict[str, str] = {}
        self._admitted: Admitted | bytes | None = None
        self._body: list[bytes] = []
        self._body_size = 0
        self._size = 0
        """Of all that has come of the request, in bytes."""
        self.coming = False
        """A part of a request has come."""

    # the transport's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by its class
        self._server.opened(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._requests.clear()
        self._server.closed(self)

    def pause_writing(self) -> None:
        """Who does not read is not read either."""
        self._writable = False
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        self._writable = True
        if self._transport is not None and not self.closing:
            self._transport.resume_reading()
        self._serve_next()

    def data_received(self, data: bytes) -> None:
        if self._ending:
            return
        self._size += len(data)
        if self._admitted is None and b"pgrade" in data:
            # the offer of another protocol is passed over, as it may be (RFC 9110, 7.8): the
            # parser would take the body, which comes after the answer, for that protocol's
            data = _UPGRADE.sub(b"x-upgrd", data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade, UnicodeError):
            self._end_with(_MALFORMED)
            return
        if self._admitted is None and self._size > _MOST_HEAD:
            self._end_with(_MALFORMED)
        elif self._size > MOST_DISCARDED:
            self._end_with(_TOO_LONG)

    # the parser's side

    def on_message_begin(self) -> None:
        self.coming, self.since = True, self._loop.time()

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if name in _OTHERS or self._admitted is not None:  # a trailer comes too late
            return
        if name[:4].upper() == b"XXL-":
            self._headers[name.decode("ascii").upper()] = value.decode("latin-1")
        elif name.lower() == b"expect" and self._transport is not None:
            self._transport.write(_CONTINUE)

    def on_headers_complete(self) -> None:
        method = self._parser.get_method().decode("ascii")
        url = self._url.decode("utf-8", "replace")
        self._admitted = self._endpoints.admit(method, url, self._headers)

    def on_body(self, data: bytes) -> None:
        self._body_size += len(data)
        if self._body_size > MOST_BODY:
            self._admitted = _TOO_LONG
        if isinstance(self._admitted, Admitted):  # who is not let in is not listened to
            self._body.append(data)
        else:
            self._body.clear()

    def on_message_complete(self) -> None:
        if self._ending:
            return
        assert self._admitted is not None
        body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
        keep_alive = self._parser.should_keep_alive()
        self._requests.append(_Request(self._admitted, body, keep_alive=keep_alive))
        self._begin()
        if len(self._requests) > _MOST_PIPELINED:
            self._end_with(_MALFORMED)
        else:
            self._serve_next()

    # answers

    def _serve_next(self) -> None:
        if self.busy or not self._requests or not self._writable:
            return
        request = self._requests.popleft()
        self.busy, self._keep_alive = True, request.keep_alive
        if isinstance(request.admitted, bytes):
            self._reply(request.admitted)
        else:
            self._endpoints.answer(request.admitted, request.body, self._reply)

    def _reply(self, answer: bytes) -> None:
        self.busy = False
        self._answer(answer, self._keep_alive)
        if self._requests:
            self._serve_next()
        elif self._server.stopping:
            self._server.answered()

    def _answer(self, body: bytes, keep_alive: bool) -> None:
        if self._transport is None:
            return
        head = _HEAD % len(body)
        if not keep_alive or self._server.stopping:
            self._transport.writelines([head, b"Connection: close\r\n\r\n", body])
            self.close()
        else:
            self._transport.write(head + b"\r\n" + body)
            self.since = self._loop.time()

    def _end_with(self, answer: bytes) -> None:
        """Answer what cannot be understood, after what was; then close."""
        if self._ending:
            return
        self._ending = True
        self._requests.append(_Request(answer, b"", keep_alive=False))
        self._serve_next()

    def look_after(self, waited_s: float) -> None:
        """End what takes too long: a request that does not come, a peer that does not read."""
        if self.closing:
            if waited_s > _LINGER_S:
                self.abort()
        elif self.coming and not self._ending and waited_s > REQUEST_WITHIN_S:
            self._end_with(_TOO_SLOW)
        elif waited_s > _IDLE_S:
            self.close()

    def close(self) -> None:
        """Send what is written, then close."""
        self._ending = self.closing = True
        self.since = self._loop.time()
        self._requests.clear()
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Close, whatever is still to be sent."""
        self.close()
        if self._transport is not None:
            self._transport.abort()
