"""From the end of a failed run to the mailbox, a storm of failures, and what alarms cost runs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from statistics import median
from typing import Any

import asyncpg
import orjson
from aiosmtpd.controller import Controller

from bench.jobs import add_intervals, none_left, second
from bench.scenario import Cell, Figure, Row, Scenario
from bench.service import SCHEMA, migrated, only_ours, postgres, service
from bench.target import Target, free_port

_PATIENCE_S = 60.0
_NEVER_AGAIN_S = 86_400
_LOOK_EVERY_S = 0.05
_ENDED = f"""SELECT n.id, extract(epoch FROM l.end_time)::float8 AS ended, d.message_id::text
FROM {SCHEMA}.schedule_notify n JOIN {SCHEMA}.schedule_log l ON l.id = n.log_id
JOIN {SCHEMA}.schedule_delivery_alarm a ON a.notify_id = n.id
JOIN {SCHEMA}.schedule_delivery d ON d.id = a.delivery_id"""


@dataclass
class Mailbox:
    """A mail server that remembers when each message came, by its id."""

    came: dict[str, float] = field(default_factory=dict)
    mails: int = 0

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        head = envelope.content.partition(b"\r\n\r\n")[0].decode()
        name = "x-qooerp-message-id:"
        line = next(line for line in head.splitlines() if line.lower().startswith(name))
        self.came.setdefault(line[len(name) :].strip(), time.time())
        self.mails += 1
        return "250 taken"


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
    port = free_port()
    door = Controller(mailbox, hostname="127.0.0.1", port=port)
    door.start()
    mail = {"host": "127.0.0.1", "port": port, "security": "none", "sender": "bench@example.com"}
    channel = {"name": "mail", "kind": "email", "settings": mail, "receivers": ["a@example.com"]}
    chosen: dict[str, Any] = {"alarms__channels": orjson.dumps([channel]).decode()} | settings
    try:
        async with postgres() as server, migrated(server) as sql:
            with service(server, **chosen):
                yield mailbox, sql
    finally:
        door.stop()


def _rule(**more: object) -> dict[str, object]:
    rule = {"name": "all by mail", "targets": ["mail"]} | more
    return {"alarms__rules": orjson.dumps([rule]).decode()}


async def _latency(count: int) -> tuple[float, float]:
    """The worst and the median, s: failures that come one by one."""
    async with _stage(**_rule(group_by="none")) as (mailbox, sql):
        apart = timedelta(seconds=2.3)
        begin = second(5)
        await _failing(sql, count, begin=begin, apart=apart)
        await _until(lambda: len(mailbox.came) >= count, seconds=count * 2.3 + _PATIENCE_S)
        rows = await sql.fetch(_ENDED)
    waits = [mailbox.came[row["message_id"]] - row["ended"] for row in rows]
    return max(waits), median(waits)


async def _storm(count: int) -> tuple[int, int, int, int]:
    """Records, messages, alarms in no message, messages that came twice."""
    async with _stage(**_rule()) as (mailbox, sql):
        begin = second(5)
        await _failing(sql, count, begin=begin, apart=timedelta(seconds=10 / count))
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
    async with _stage(**_rule(), alarms__enabled=str(on).lower()) as (_, sql):
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


async def _failing(sql: asyncpg.Connection, count: int, *, begin: Any, apart: timedelta) -> None:
    await add_intervals(
        sql, count, every_s=_NEVER_AGAIN_S, begin=begin, apart=apart, handler="fails"
    )


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
