"""A service with an embedded server, for tests to kill: says its DSN, then waits."""

from __future__ import annotations

import asyncio
import sys

from scheduler.embedded import EmbeddedPostgres


async def serve(folder: str) -> None:
    server = EmbeddedPostgres(folder)
    await server.start()
    sys.stdout.write(f"{server.pid} {server.dsn}\n")
    sys.stdout.flush()
    await server.wait()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1]))
