"""The mail server away while jobs fail: all is told afterwards, once, at the service's own settings."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta

import asyncpg

from bench.jobs import second
from bench.mailbox import Mailbox, add_failing, by_mail, mailing
from bench.scenario import Cell, Figure, Row, Scenario
from bench.service import SCHEMA, only_ours
from bench.target import Target

FAILURES = 60
"""Spread over the outage; each has a message of its own."""
_BEGIN_S = 5
_WORST_S = 90
"""The longest pause between two attempts, 60 s and a quarter of that, and what sending takes."""
_PATIENCE_S = 60
_LOOK_EVERY_S = 0.25


async def measure(target: Target, quick: bool) -> Row:
    del target
    outage_s = 20 if quick else 600
    mailbox = Mailbox()
    async with mailing(mailbox, **by_mail(group_by="none")) as sql:
        begin = second(_BEGIN_S)
        apart = timedelta(seconds=outage_s / FAILURES)
        await add_failing(sql, FAILURES, begin=begin, apart=apart)
        await asyncio.sleep(_BEGIN_S + outage_s)
        vain = await sql.fetchval(f"SELECT count(*) FROM {SCHEMA}.schedule_delivery_attempt")
        mailbox.open()
        back = time.time()
        await _all_sent(sql)
        owed = await sql.fetch(
            f"SELECT message_id::text AS id FROM {SCHEMA}.schedule_delivery WHERE channel = 'mail'"
        )
    return _judge(mailbox, {row["id"] for row in owed}, vain=vain, back=back)


async def _all_sent(sql: asyncpg.Connection) -> None:
    """Wait until each failure is an alarm that is told, as long as that may take."""
    sent = f"SELECT count(*) FROM {SCHEMA}.schedule_notify WHERE send_status = 'sent'"
    end = time.monotonic() + _WORST_S + _PATIENCE_S
    while await sql.fetchval(sent) < FAILURES:
        if time.monotonic() > end:
            break
        await asyncio.sleep(_LOOK_EVERY_S)


def _judge(mailbox: Mailbox, owed: set[str], *, vain: int, back: float) -> Row:
    lost = FAILURES - len(mailbox.came.keys() & owed)
    doubled = mailbox.mails - len(mailbox.came)
    last_s = max(mailbox.came.values(), default=back) - back
    cells: dict[str, Cell] = {
        "failures": FAILURES,
        "attempts in vain": vain,
        "mails": mailbox.mails,
        "lost": lost,
        "doubled": doubled,
        "all in the mailbox after, s": last_s,
    }
    figures = (
        Figure("lost", lost, "messages", 0),
        Figure("doubled", doubled, "messages", 0),
        Figure("in the mailbox once the server is back", last_s, "s", _WORST_S),
    )
    return Row(cells, figures, faults=lost + doubled)


SCENARIO = Scenario(
    name="mail-outage",
    title=f"The mail server away for 10 minutes, {FAILURES} failures meanwhile",
    bar="each told afterwards, once",
    measure=measure,
    takes=only_ours,
    pinned=False,
)
