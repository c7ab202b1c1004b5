"""A minimal Admin: takes registry, callback and registryRemove of every generation, and counts."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import orjson

from bench.http1 import Messages, response
from executor.testing._ports import free_port

if TYPE_CHECKING:
    from bench.ledger import Ledger

OK = response(b'{"code":200,"msg":null,"content":null,"data":null,"success":true}')


class FakeAdmin:
    """Listens on a port of 127.0.0.1; `stop` and `start` make it go away and come back."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.port = free_port()
        self._server: asyncio.Server | None = None
        self._connections: set[_Connection] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/xxl-job-admin"

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Connection(self), "127.0.0.1", self.port)

    def stop(self) -> None:
        """Closes the port and every connection at once."""
        if self._server is not None:
            self._server.close()
        for connection in tuple(self._connections):
            if connection.transport is not None:
                connection.transport.abort()

    def take(self, head: bytes, body: bytes) -> None:
        path = head[: head.find(b" HTTP/")]
        if path.endswith(b"/callback"):
            self._called(orjson.loads(body))

    def _called(self, content: Any) -> None:
        now = time.monotonic()
        for entry in content["callbackList"] if isinstance(content, dict) else content:
            code = entry.get("handleCode") or entry["executeResult"]["code"]
            self.ledger.called(int(entry["logId"]), int(code), now=now)


class _Connection(Messages):
    def __init__(self, admin: FakeAdmin) -> None:
        super().__init__()
        self._admin = admin

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._admin._connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._admin._connections.discard(self)

    def message(self, head: bytes, body: bytes) -> None:
        self._admin.take(head, body)
        assert self.transport is not None
        self.transport.write(OK)
