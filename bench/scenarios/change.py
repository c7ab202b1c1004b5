"""How long a change that one replica is told takes to be seen by the others."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import orjson

from bench.api import Api, api, post, put
from bench.scenario import Cell, Figure, Row, Scenario
from bench.service import SCHEMA, migrated, only_ours, postgres
from bench.target import Target

REPLICAS = 3
_BAR_S = 1.0
_PATIENCE_S = 20.0
_RUN = f"""SELECT id, status, result_message, start_time, end_time FROM {SCHEMA}.schedule_log
    WHERE job_id = $1 ORDER BY id DESC LIMIT 1"""

_Change = Callable[[asyncpg.Connection, Sequence[Api]], Awaitable[float]]


async def measure(target: Target, quick: bool) -> Row:
    del target
    rounds = 5 if quick else 30
    cells: dict[str, Cell] = {}
    figures: list[Figure] = []
    async with postgres() as server, migrated(server) as sql, AsyncExitStack() as alive:
        replicas = [await alive.enter_async_context(api(server)) for _ in range(REPLICAS)]
        for name, change in CHANGES.items():
            turned = [replicas[n % REPLICAS :] + replicas[: n % REPLICAS] for n in range(rounds)]
            took = [await change(sql, each) for each in turned]
            cells |= {f"{name}: mean s": sum(took) / rounds, f"{name}: max s": max(took)}
            figures.append(Figure(f"{name}, max", max(took), "s", _BAR_S))
    return Row(cells, tuple(figures))


async def _next_run_time(sql: asyncpg.Connection, replicas: Sequence[Api]) -> float:
    """A job that is due in an hour is due now: until it runs somewhere."""
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    job = await _job(replicas[0], handlerName="noop", scheduleType="once", runAt=later)
    job = await _said(replicas[0], post(f"/jobs/{job['id']}/start", None))
    now = datetime.now(UTC)
    change = {"version": job["version"], "runAt": now.isoformat()}
    await _said(replicas[0], put(f"/jobs/{job['id']}", change))
    run = await _run(sql, job["id"], lambda run: run["start_time"] is not None)
    return _seconds(run["start_time"] - now)


async def _config(sql: asyncpg.Connection, replicas: Sequence[Api]) -> float:
    """A config is changed at one replica: until a run has read it at each of the others."""
    job = await _job(replicas[0], handlerName="configured")
    longest = 0.0
    for value in ("before", "after"):
        asked = datetime.now(UTC)
        config = {"jobId": job["id"], "configKey": "value", "configValue": value}
        await _said(replicas[0], post("/configs", config))
        for replica in replicas[1:]:
            run = await _execute(sql, replica, job["id"])
            while run["result_message"] != value:
                run = await _execute(sql, replica, job["id"])
            longest = max(longest, _seconds(run["start_time"] - asked))
    return longest


async def _kill(sql: asyncpg.Connection, replicas: Sequence[Api]) -> float:
    """A run of one replica is killed through another: until it has ended."""
    job = await _job(replicas[0], handlerName="sleeper")
    await _said(replicas[0], post("/jobs/execute", {"jobId": job["id"]}))
    run = await _run(sql, job["id"], lambda run: run["status"] == "running")
    asked = datetime.now(UTC)
    await _said(replicas[1], post(f"/logs/{run['id']}/kill", None))
    run = await _run(sql, job["id"], lambda run: run["status"] == "killed")
    return _seconds(run["end_time"] - asked)


async def _execute(sql: asyncpg.Connection, replica: Api, job_id: int) -> asyncpg.Record:
    executed = await _said(replica, post("/jobs/execute", {"jobId": job_id}))
    return await _run(
        sql, job_id, lambda run: run["id"] == executed["logId"] and run["status"] == "succeeded"
    )


async def _job(replica: Api, **fields: str) -> dict[str, Any]:
    return await _said(replica, post("/jobs", {"jobName": "bench"} | fields))


async def _said(replica: Api, request: bytes) -> dict[str, Any]:
    """The data of the answer."""
    data: dict[str, Any] = orjson.loads(await replica.ask(request))["data"]
    return data


async def _run(
    sql: asyncpg.Connection, job_id: int, holds: Callable[[asyncpg.Record], bool]
) -> asyncpg.Record:
    """The job's newest run, once it is as wanted."""
    deadline = time.monotonic() + _PATIENCE_S
    while (run := await sql.fetchrow(_RUN, job_id)) is None or not holds(run):
        if time.monotonic() > deadline:
            raise TimeoutError(f"a run did not become what it should: {run}")
        await asyncio.sleep(0.002)
    return run


def _seconds(span: timedelta) -> float:
    return span.total_seconds()


CHANGES: dict[str, _Change] = {
    "next run time": _next_run_time,
    "config": _config,
    "kill": _kill,
}
SCENARIO = Scenario(
    name="change",
    title=f"A change until it is seen, {REPLICAS} replicas",
    bar="≤ 1 s",
    measure=measure,
    takes=only_ours,
    pinned=False,
)
