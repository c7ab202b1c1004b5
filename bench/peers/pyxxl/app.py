"""A pyxxl executor; arguments: port, Admin URL, log folder, token."""

# mypy: ignore-errors
from __future__ import annotations

import asyncio
import sys
import time

from pyxxl import ExecutorConfig, PyxxlRunner
from pyxxl.ctx import g

port, admin, folder, token = sys.argv[1:]
app = PyxxlRunner(
    ExecutorConfig(
        xxl_admin_baseurl=f"{admin}/api/",
        executor_app_name="bench",
        executor_url=f"http://127.0.0.1:{port}",
        executor_listen_host="127.0.0.1",
        executor_listen_port=int(port),
        executor_log_path=f"{folder}/pyxxl.log",
        log_local_dir=f"{folder}/logs",
        access_token=token,
        dotenv_try=False,
    )
)


@app.register(name="noop")
async def noop() -> str:
    g.logger.info("done")
    return "done"


@app.register(name="brief")
async def brief() -> None:
    g.logger.info("started")
    await asyncio.sleep(0.02)


@app.register(name="sleeper")
async def sleeper() -> None:
    await asyncio.sleep(60)


@app.register(name="spin")
def spin() -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        pass


@app.register(name="block")
async def block() -> None:
    time.sleep(5)  # noqa: ASYNC251 (the mistake that is measured)


@app.register(name="writer")
async def writer() -> None:
    lines = int(g.xxl_run_data.executorParams)
    for number in range(lines):
        g.logger.info("line %s of %s", number, lines)


app.run_executor()
