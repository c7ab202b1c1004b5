"""procrastinate, a worker at its run rate; arguments: DSN, runs, (not used), runs at once.

Prints {"fires", "seconds"} as JSON; putting the tasks in the queue is not counted.
"""

# mypy: ignore-errors
from __future__ import annotations

import asyncio
import json
import sys
import time

import procrastinate

dsn, count, at_once = sys.argv[1], int(sys.argv[2]), int(sys.argv[4])
app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=dsn))
ran = 0


@app.task(name="noop")
async def noop() -> str:
    global ran
    ran += 1
    return "done"


async def main() -> None:
    async with app.open_async():
        await app.schema_manager.apply_schema_async()
        for _ in range(0, count, 1000):
            await noop.batch_defer_async(*({} for _ in range(1000)))
        # what autovacuum does sooner or later: without it every look for a task reads the table
        await app.connector.execute_query_async("ANALYZE procrastinate_jobs")
        start = time.monotonic()
        await app.run_worker_async(concurrency=at_once, wait=False, install_signal_handlers=False)
        print(json.dumps({"fires": ran, "seconds": time.monotonic() - start}))


asyncio.run(main())
