"""The first copy of a big Admin, the load on it afterwards, and how soon an edit there is seen."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import asyncpg
import orjson

from bench.big_console import FAILED_EVERY
from bench.scenario import Figure, Row, Scenario
from bench.service import SCHEMA, migrated, only_ours, postgres, service
from bench.target import Target

_DAYS = 30
_PATIENCE_S = 1200.0
_LOOK_EVERY_S = 0.05


async def measure(target: Target, quick: bool) -> Row:
    del target
    jobs, rows, rest_s, edits = (1_000, 20_000, 30, 2) if quick else (10_000, 1_000_000, 120, 8)
    async with console(jobs, rows) as url, postgres() as server, migrated(server) as sql:
        began = time.monotonic()
        admins = orjson.dumps([_admin(url)]).decode()
        with service(server, admins=admins, executor__enabled="false"):
            jobs_s = await _until(sql, f"SELECT count(*) FROM {SCHEMA}.schedule_job", jobs, began)
            first_s = await _until(
                sql, f"SELECT sum(execute_count) FROM {SCHEMA}.schedule_daily", rows, began
            )
            asked = await _requests(url)
            await asyncio.sleep(20)  # the burst after the first copy
            before = await _requests(url)
            await asyncio.sleep(rest_s)
            resting = (await _requests(url) - before) / rest_s * 5
            seen_s = [await _seen_after(url, sql, number) for number in range(edits)]
        wrong = await _wrong(sql, rows)
    figures = (
        Figure(f"first copy of {jobs:,} jobs and {rows:,} runs", first_s, "s", 300),
        Figure("at rest", resting, "requests in 5 s", 1),
        Figure("an edit is seen after", max(seen_s), "s", 10),
    )
    cells: dict[str, str | float] = {
        "jobs": jobs,
        "runs": rows,
        "jobs there after, s": jobs_s,
        "runs there after, s": first_s,
        "requests for that": asked,
        "at rest, requests in 5 s": resting,
        "an edit is seen after, s, mean": sum(seen_s) / len(seen_s),
        "an edit is seen after, s, worst": max(seen_s),
        "runs missing, doubled or otherwise": wrong,
    }
    return Row(cells, figures, faults=wrong)


@asynccontextmanager
async def console(jobs: int, rows: int) -> AsyncIterator[str]:
    """The URL of a console in a process of its own."""
    process = await asyncio.create_subprocess_exec(
        *(
            sys.executable,
            "-m",
            "bench.big_console",
            str(jobs),
            str(rows),
            str(_DAYS * 86_400 - 3600),
        ),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{int(await process.stdout.readline())}"
    finally:
        process.terminate()
        await process.wait()


def _admin(url: str) -> dict[str, object]:
    return {
        "name": "big",
        "addresses": [url],
        "username": "bench",
        "password": "bench",
        "console_zone": "UTC",
    }


async def _until(sql: asyncpg.Connection, query: str, number: int, began: float) -> float:
    """Seconds from *began* until *query* gives *number*. Raise TimeoutError."""
    async with asyncio.timeout(_PATIENCE_S):
        while (await sql.fetchval(query) or 0) < number:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(_LOOK_EVERY_S)
    return time.monotonic() - began


async def _requests(url: str) -> int:
    async with aiohttp.ClientSession() as session, session.get(f"{url}/requests") as answer:
        return int(await answer.text())


async def _seen_after(url: str, sql: asyncpg.Connection, number: int) -> float:
    """Seconds from an edit in the console to the row's change."""
    await asyncio.sleep(number * 1.3)
    params = f"edit={number}"
    async with aiohttp.ClientSession() as session, session.post(f"{url}/edit", data=params):
        began = time.monotonic()
    query = f"SELECT count(*) FROM {SCHEMA}.schedule_job WHERE params = '{params}'"
    return await _until(sql, query, 1, began)


async def _wrong(sql: asyncpg.Connection, rows: int) -> int:
    """Rows that are not as the console has them."""
    told = await sql.fetchrow(
        f"""SELECT count(*) AS all_of_them, count(DISTINCT admin_log_id) AS different,
            count(*) FILTER (WHERE (status = 'failed') = ((admin_log_id - 1) % {FAILED_EVERY} = 0)) AS right_ones
        FROM {SCHEMA}.schedule_log"""
    )
    assert told is not None
    return int(
        abs(told["all_of_them"] - rows) + rows - told["different"] + rows - told["right_ones"]
    )


SCENARIO = Scenario(
    name="mirror",
    title="Copying an Admin",
    bar="10,000 jobs and 1,000,000 runs in 5 minutes; at rest a request in 5 s; an edit seen in 10 s",
    measure=measure,
    takes=only_ours,
    pinned=False,
)
