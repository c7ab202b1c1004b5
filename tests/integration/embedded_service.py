"""A service with an embedded server, for tests to kill: says its DSN, then waits; `forks` leaves a process behind."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import sys
import time

from scheduler.embedded import EmbeddedPostgres


def linger() -> None:
    os.close(1)  # whoever reads what we say shall see our end
    time.sleep(60)


async def serve(folder: str, *how: str) -> None:
    server = EmbeddedPostgres(folder)
    await server.start()
    if "forks" in how:
        multiprocessing.get_context("fork").Process(target=linger).start()
    sys.stdout.write(f"{server.pid} {server.dsn}\n")
    sys.stdout.flush()
    await server.wait()


if __name__ == "__main__":
    asyncio.run(serve(*sys.argv[1:]))
