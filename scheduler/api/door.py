"""The door of port 8100: who comes and says nothing, or no HTTP, does not stay, nor keep others out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol, cast

import orjson

from executor import forks

MOST_CONNECTIONS = 1_000
HEAD_WITHIN_S = 10.0
"""After which a connection is closed whose first request has not come as far as its body."""
_SWEEP_S = 1.0
_END = b"\r\n\r\n"
_LONGEST_METHOD = 16
_BODY = orjson.dumps({"code": 400, "message": "this is no HTTP", "data": None})
_NO_HTTP = (
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nConnection: close\r\n"
    b"Content-Length: %d\r\n\r\n%b" % (len(_BODY), _BODY)
)


class Inner(Protocol):
    """What serves a connection behind the door: aiohttp's handler of requests."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None: ...
    def connection_lost(self, exc: BaseException | None) -> None: ...
    def data_received(self, data: bytes) -> None: ...
    def eof_received(self) -> None: ...
    def pause_writing(self) -> None: ...
    def resume_writing(self) -> None: ...


class Door:
    """Listens, counts connections, and closes those that are half open.

    Above the limit, whoever has waited longest before saying anything whole makes room, or else
    the stranger who has been here longest; later requests of a connection have aiohttp's own limits.
    """

    def __init__(self, serve: Callable[[], Inner]) -> None:
        """*serve* makes what serves one connection."""
        self._serve = serve
        self._half_open: dict[_Connection, float] = {}
        """Since when, oldest first."""
        self._strangers: dict[Inner, _Connection] = {}
        """By which no right token was shown, oldest first."""
        self._count = 0
        self._loop = asyncio.get_running_loop()

    async def listen(self, host: str, port: int) -> int:
        """Serve; the port. Raise OSError."""
        self._listening = await self._loop.create_server(
            lambda: _Connection(self, self._serve()), host, port, backlog=1024, reuse_address=True
        )
        forks.keep(self._descriptors())
        self._sweep()
        number: int = self._listening.sockets[0].getsockname()[1]
        return number

    def close(self) -> None:
        """Let nobody else in; those who are in stay."""
        self._sweeping.cancel()
        forks.leave(self._descriptors())
        self._listening.close()
        for connection in list(self._half_open):
            connection.turn_out()

    def _descriptors(self) -> list[int]:
        return [listening.fileno() for listening in self._listening.sockets]

    def welcome(self, inner: Inner) -> None:
        """Who is served by *inner* has shown a right token, and makes room for no stranger."""
        self._strangers.pop(inner, None)

    def opened(self, connection: _Connection) -> None:
        if self._count >= MOST_CONNECTIONS:
            self._make_room()
        self._count += 1
        self._half_open[connection] = self._loop.time()
        self._strangers[connection.inner] = connection
        if self._count > MOST_CONNECTIONS:  # nobody could be turned out
            connection.turn_out()

    def has_asked(self, connection: _Connection) -> None:
        self._half_open.pop(connection, None)

    def closed(self, connection: _Connection) -> None:
        self._count -= 1
        self._half_open.pop(connection, None)
        self._strangers.pop(connection.inner, None)

    def _make_room(self) -> None:
        longest = next(iter(self._half_open or self._strangers.values()), None)
        if longest is not None:
            longest.make_room()

    def _sweep(self) -> None:
        latest = self._loop.time() - HEAD_WITHIN_S
        for connection in [one for one, since in self._half_open.items() if since < latest]:
            connection.turn_out()
        self._sweeping = self._loop.call_later(_SWEEP_S, self._sweep)


class _Connection(asyncio.Protocol):
    """Passes on what comes, and looks at the beginning."""

    def __init__(self, door: Door, inner: Inner) -> None:
        self._door = door
        self.inner = inner
        self._head = b""
        """What has come of the first request's head, until it is whole."""
        self._begun = False
        self._open = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._open = True
        self.inner.connection_made(transport)
        self._door.opened(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._leave()
        self.inner.connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if not self._begun:
            self._head += data
            if not _may_be_http(self._head):
                self._transport.write(_NO_HTTP)
                self.turn_out()
                return
            if _END in self._head:
                self._begun, self._head = True, b""
                self._door.has_asked(self)
        self.inner.data_received(data)

    def turn_out(self) -> None:
        """Close; it counts no more, though it may take a while to be gone."""
        self._leave()
        self._transport.close()

    def make_room(self) -> None:
        """Be gone at once, whatever was sent and not read yet: to close would wait for that."""
        self.turn_out()
        self._transport.abort()

    def _leave(self) -> None:
        if self._open:
            self._open = False
            self._door.closed(self)

    def eof_received(self) -> None:
        self.inner.eof_received()

    def pause_writing(self) -> None:
        self.inner.pause_writing()

    def resume_writing(self) -> None:
        self.inner.resume_writing()


def _may_be_http(start: bytes) -> bool:
    """Whether a request may begin like this: with the name of a method."""
    method, space, _ = start.lstrip(b"\r\n").partition(b" ")
    named = method.replace(b"-", b"").isalpha() and len(method) <= _LONGEST_METHOD
    return named or not (method or space)
