"""From the end of a failed run to the mailbox, a storm of failures, and what alarms cost runs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from statistics import median
from typing import Any

import asyncpg

from bench.jobs import add_intervals, none_left, second
from bench.mailbox import Mailbox, add_failing, by_mail, mailing
from bench.scenario import Cell, Figure, Row, Scenario
from bench.service import SCHEMA, only_ours
from bench.target import Target

_PATIENCE_S = 60.0
_NEVER_AGAIN_S = 86_400
_LOOK_EVERY_S = 0.05
_ENDED = f"""SELECT n.id, extract(epoch FROM l.end_time)::float8 AS ended, d.message_id::text
FROM {SCHEMA}.schedule_notify n JOIN {SCHEMA}.schedule_log l ON l.id = n.log_id
JOIN {SCHEMA}.schedule_delivery_alarm a ON a.notify_id = n.id
JOIN {SCHEMA}.schedule_delivery d ON d.id = a.delivery_id"""


async def measure(target: Target, quick: bool) -> Row:
    del target
    singles, crowd, runs, turns = (5, 1_000, 1_000, 2) if quick else (20, 1_000, 4_000, 4)
    slowest, middle = await _latency(singles)
    records, messages, lost, doubled = await _storm(crowd)
    cells: dict[str, Cell] = {
        "in the mailbox after, s, median": middle,
        "in the mailbox after, s, worst": slowest,
        "storm: records": records,
        "storm: messages": messages,
        "alarms that no message told of": lost,
        "messages doubled": doubled,
    }
    rates: dict[bool, list[float]] = {True: [], False: []}
    for turn in range(turns):
        for on in (turn % 2 == 0, turn % 2 == 1):
            rates[on].append(await _rate(runs, on=on))
    cells |= {f"runs/s, alarms {'on' if on else 'off'}": median(rates[on]) for on in rates}
    share = median(rates[True]) / median(rates[False])
    figures = (
        Figure("a failure is in the mailbox after", slowest, "s", 2),
        Figure(f"messages about {crowd:,} failures in 10 s", messages, "", 1),
        Figure("records of them", records, "", crowd, at_least=True),
        Figure("throughput with alarms on", share, "× off", 0.9, at_least=True),
    )
    return Row(cells | {"throughput on / off": share}, figures, faults=lost + doubled)


@asynccontextmanager
async def _stage(**settings: object) -> AsyncIterator[tuple[Mailbox, asyncpg.Connection]]:
    mailbox = Mailbox()
    mailbox.open()
    async with mailing(mailbox, **settings) as sql:
        yield mailbox, sql


async def _latency(count: int) -> tuple[float, float]:
    """The worst and the median, s: failures that come one by one."""
    async with _stage(**by_mail(group_by="none")) as (mailbox, sql):
        apart = timedelta(seconds=2.3)
        begin = second(5)
        await add_failing(sql, count, begin=begin, apart=apart)
        await _until(lambda: len(mailbox.came) >= count, seconds=count * 2.3 + _PATIENCE_S)
        rows = await sql.fetch(_ENDED)
    waits = [mailbox.came[row["message_id"]] - row["ended"] for row in rows]
    return max(waits), median(waits)


async def _storm(count: int) -> tuple[int, int, int, int]:
    """Records, messages, alarms in no message, messages that came twice."""
    async with _stage(**by_mail()) as (mailbox, sql):
        begin = second(5)
        await add_failing(sql, count, begin=begin, apart=timedelta(seconds=10 / count))
        await none_left(sql, until=begin + timedelta(seconds=11), patience_s=_PATIENCE_S)
        unsent = f"SELECT count(*) FROM {SCHEMA}.schedule_notify WHERE send_status <> 'sent'"
        records = f"SELECT count(*) FROM {SCHEMA}.schedule_notify"
        end = time.monotonic() + _PATIENCE_S
        while await sql.fetchval(records) < count or await sql.fetchval(unsent):
            if time.monotonic() > end:
                break
            await asyncio.sleep(_LOOK_EVERY_S)
        told = {row["id"] for row in await sql.fetch(_ENDED) if row["message_id"] in mailbox.came}
        found = int(await sql.fetchval(records))
    return found, len(mailbox.came), found - len(told), mailbox.mails - len(mailbox.came)


async def _rate(runs: int, *, on: bool) -> float:
    """Runs a second where all are due at once, one in twenty of which fails."""
    async with _stage(**by_mail(), alarms__enabled=str(on).lower()) as (_, sql):
        begin = second(5)
        await add_intervals(
            sql, runs, every_s=_NEVER_AGAIN_S, begin=begin, apart=timedelta(0), handler="flaky"
        )
        later = begin + timedelta(seconds=1)
        assert await none_left(sql, until=later, patience_s=_PATIENCE_S)
        took = await sql.fetchval(
            f"SELECT extract(epoch FROM max(end_time) - $1)::float8 FROM {SCHEMA}.schedule_log",
            begin,
        )
    return runs / float(took)


async def _until(holds: Any, *, seconds: float) -> None:
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(_LOOK_EVERY_S)


SCENARIO = Scenario(
    name="alarms",
    title="Alarms: to the mailbox, a storm of failures, and what they cost runs",
    bar="≤ 2 s to the mailbox; 1,000 failures in 10 s: one message, 1,000 records; ≥ 0.9 × the runs/s",
    measure=measure,
    takes=only_ours,
    pinned=False,
)
