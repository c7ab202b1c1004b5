"""The executor's HTTP port: aiohttp without a router, and limits that slow senders cannot pass."""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from admin_bridge import wire
from executor.endpoints import Endpoints

MOST_BODY = 8 * 2**20
"""Bytes; a script of 5 MiB and its escapes fit."""
_BODY_WITHIN_S = 10.0
_IDLE_S = 90.0
"""The reference closes idle connections after this; the Admin's client expects no less."""
_HEADERS = {"Content-Type": "application/json;charset=UTF-8"}


class _Connection(RequestHandler):
    """One connection; bytes that are no HTTP are answered like every other mistake."""

    serving = False
    """A whole request has come, its answer has not gone."""

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        what = "malformed HTTP" if status == 400 else "internal error"
        response = _json(wire.failure(f"invalid request, {what}."))
        response.force_close()
        return response


class _Server(web.Server):
    """Makes connections; over *most*, the oldest that has sent no whole request goes."""

    def __init__(self, endpoints: Endpoints, most: int) -> None:
        super().__init__(
            self._serve,
            request_factory=_bounded_request,
            access_log=None,
            keepalive_timeout=_IDLE_S,
            tcp_keepalive=True,
            max_line_size=16 * 1024,
        )
        self._endpoints = endpoints
        self._most = most

    def __call__(self) -> RequestHandler:
        return _Connection(self, loop=self._loop, **self._kwargs)

    def connection_made(self, handler: RequestHandler, transport: asyncio.Transport) -> None:
        super().connection_made(handler, transport)
        if len(self.connections) > self._most:
            idle = (c for c in self.connections if isinstance(c, _Connection) and not c.serving)
            oldest = next(idle, None)
            if oldest is not None:
                oldest.force_close()

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        connection = request.protocol
        assert isinstance(connection, _Connection)

        async def body() -> bytes:
            data = await _read(request)
            connection.serving = True
            return data

        try:
            path = request.raw_path if hasattr(request, "raw_path") else request.path
            answer = await self._endpoints.answer(request.method, path, request.headers, body)
        finally:
            connection.serving = False
        return _json(answer)


async def _read(request: web.BaseRequest) -> bytes:
    """The whole body, within its limits of size and time; raise BadRequest."""
    try:
        if request.content.is_eof():
            return await request.read()
        async with asyncio.timeout(_BODY_WITHIN_S):
            return await request.read()
    except web.HTTPRequestEntityTooLarge:
        raise wire.BadRequest(f"request body is larger than {MOST_BODY >> 20} MiB") from None
    except TimeoutError:
        raise wire.BadRequest(f"request body did not come within {_BODY_WITHIN_S:.0f} s") from None


def _bounded_request(*args: Any) -> web.BaseRequest:
    message, payload, protocol, writer, task = args
    loop = asyncio.get_running_loop()
    return web.BaseRequest(
        message, payload, protocol, writer, task, loop, client_max_size=MOST_BODY
    )


def _json(body: bytes) -> web.Response:
    return web.Response(body=body, headers=_HEADERS)


class HttpServer:
    """Listens on one address until stopped."""

    def __init__(self, endpoints: Endpoints, *, host: str, port: int, most: int) -> None:
        self._server = _Server(endpoints, most)
        self._host = host
        self._port = port
        self._listening: asyncio.Server | None = None

    async def bind(self) -> int:
        """Take the port; its number, for those who asked for port 0. Raise OSError."""
        loop = asyncio.get_running_loop()
        self._listening = await loop.create_server(
            self._server,
            self._host,
            self._port,
            backlog=1024,
            reuse_address=True,
            start_serving=False,
        )
        port: int = self._listening.sockets[0].getsockname()[1]
        return port

    async def serve(self) -> None:
        """Answer from now on. Raise OSError."""
        assert self._listening is not None
        await self._listening.start_serving()

    async def stop(self) -> None:
        if self._listening is not None:
            self._listening.close()
            self._server.pre_shutdown()  # who is idle goes at once, an answer on its way has its time
            await self._server.shutdown(1.0)
            await self._listening.wait_closed()
