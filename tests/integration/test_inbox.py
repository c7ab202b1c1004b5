"""A user's inbox as it fills."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import asyncpg

from scheduler.alarms.inbox import Inbox
from tests.integration.engine_service import SCHEMA

PUT = f"INSERT INTO {SCHEMA}.schedule_message (user_name, level, title) VALUES ('ann', 'info', $1)"
LIMIT_S = 20.0


async def titles(inbox: Inbox, count: int, *, after: int | None = None) -> list[str]:
    """Those of the next *count* messages of ann."""
    found: list[str] = []
    async with asyncio.timeout(LIMIT_S), aclosing(inbox.follow("ann", after)) as messages:
        async for some in messages:
            found += [message.title for message in some]
            if len(found) >= count:
                break
    return found


async def test_a_message_that_is_committed_after_a_newer_one_is_not_passed_over(
    engine, sql, database_url
):
    inbox, slow = Inbox(engine), await asyncpg.connect(database_url)
    found: list[str] = []

    async def follow() -> None:
        async for some in inbox.follow("ann", 0):
            found.extend(message.title for message in some)
            if found:
                begun.set()
            if len(found) >= 3:
                return

    begun = asyncio.Event()
    async with slow.transaction():
        await slow.execute(PUT, "first")
        await sql.execute(PUT, "second")
        following = asyncio.create_task(follow())
        async with asyncio.timeout(LIMIT_S):
            await begun.wait()
    inbox.wake()
    await sql.execute(PUT, "third")
    inbox.wake()
    async with asyncio.timeout(LIMIT_S):
        await following
    await slow.close()

    assert found == ["second", "first", "third"]


async def test_what_was_there_before_is_no_news(engine, sql):
    inbox = Inbox(engine)
    for title in ("old", "known"):
        await sql.execute(PUT, title)
    known = await sql.fetchval(f"SELECT max(id) FROM {SCHEMA}.schedule_message")
    await sql.execute(PUT, "new")

    assert await titles(inbox, 1, after=known) == ["new"]


async def test_more_messages_than_are_read_at_once_come_each_once(engine, sql):
    await sql.executemany(PUT, [(f"message {n}",) for n in range(450)])

    assert await titles(Inbox(engine), 450, after=0) == [f"message {n}" for n in range(450)]
