"""The executor's HTTP port: listens, looks after its connections, and stops in order."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import sys

from executor import forks
from executor.connection import Connection
from executor.endpoints import Endpoints
from executor.errors import port_refused

_SWEEP_S = 1.0


class HttpServer:
    """Listens on one address; over *most* connections, the oldest idle or unfinished one goes.

    So it does where they would take more than half of the files that the process may open.
    """

    def __init__(self, endpoints: Endpoints, *, host: str, port: int, most: int) -> None:
        self.endpoints = endpoints
        self.loop = asyncio.get_running_loop()
        self.stopping = False
        self._host = host
        self._port = port
        self._most = min(most, _affordable())
        self._connections: dict[Connection, None] = {}
        self._quiet = asyncio.Event()
        self._listening: asyncio.Server | None = None
        self._sweeping: asyncio.TimerHandle | None = None

    async def bind(self) -> int:
        """Take the port; its number, for those who asked for port 0. Raise StartRefused."""
        try:
            self._listening = await self.loop.create_server(
                lambda: Connection(self),
                self._host,
                self._port,
                backlog=1024,
                reuse_address=True,
                start_serving=False,
            )
        except OSError as error:
            raise port_refused("executor", self._host, self._port, error) from None
        forks.keep(self._descriptors())
        port: int = self._listening.sockets[0].getsockname()[1]
        return port

    async def serve(self) -> None:
        """Answer from now on. Raise OSError."""
        assert self._listening is not None
        await self._listening.start_serving()
        self._sweep()

    async def stop(self) -> None:
        """Close the port and who is idle; answers that are on their way have a second."""
        self.stopping = True
        if self._listening is None:
            return
        forks.leave(self._descriptors())
        self._listening.close()
        if self._sweeping is not None:
            self._sweeping.cancel()
        for connection in list(self._connections):
            if not connection.busy:
                connection.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1.0):
                self.answered()
                await self._quiet.wait()
        for connection in list(self._connections):
            connection.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1.0):
                await self._listening.wait_closed()

    def _descriptors(self) -> list[int]:
        assert self._listening is not None
        return [listening.fileno() for listening in self._listening.sockets]

    def answered(self) -> None:
        """A connection has sent its last answer while the server stops."""
        if not any(connection.busy for connection in self._connections):
            self._quiet.set()

    def opened(self, connection: Connection) -> None:
        self._connections[connection] = None
        if len(self._connections) > self._most:
            oldest = next((one for one in self._connections if not one.busy), None)
            if oldest is not None:
                self.closed(oldest)  # counted out now: many may come before it is gone
                oldest.abort()

    def closed(self, connection: Connection) -> None:
        self._connections.pop(connection, None)

    def _sweep(self) -> None:
        """End requests that do not come, and connections that nobody uses."""
        now = self.loop.time()
        for connection in list(self._connections):
            if not connection.busy:
                connection.look_after(now - connection.since)
        self._sweeping = self.loop.call_later(_SWEEP_S, self._sweep)


def _affordable() -> int:
    """How many connections leave room for the journal, logs and processes."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return files // 2 if files != resource.RLIM_INFINITY else sys.maxsize
