"""In-site messages: each user's inbox, as it fills."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from executor.background import wait_for
from scheduler.alarms.model import Level
from scheduler.alarms.tables import schedule_message
from scheduler.lists import Total, counted, listing, refuse_deep
from scheduler.refusal import NotFound

_LOOK_EVERY_S = 5.0
"""Where no news come: whoever waits learns so that the connection lives."""
_MOST_AT_ONCE = 100
_OVERLAP = 200
"""So many ids back is looked again: they are given out before transactions end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message in somebody's inbox."""

    id: int
    level: Level
    title: str
    content: str
    read_at: datetime | None
    create_time: datetime


class Inbox:
    """Reads and marks messages; *user* is the name of a token."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._news = asyncio.Event()

    def wake(self, _message_id: int | None = None) -> None:
        """A message has come, to somebody."""
        news, self._news = self._news, asyncio.Event()
        news.set()

    async def page(
        self,
        user: str,
        *,
        size: int,
        skip: int = 0,
        before: int | None = None,
        unread: bool = False,
    ) -> tuple[Sequence[Message], Total]:
        """At most *size* messages, newest first: from *skip* on, or older than the one of id *before*.

        Raises Invalid where a page lies deeper than pages go.
        """
        table = schedule_message.c
        wanted = [table.user_name == user, *([table.read_at.is_(None)] if unread else [])]
        query = select(*_OWN).where(*wanted).order_by(table.id.desc()).limit(size)
        if before is None:
            refuse_deep(skip)
            query = query.offset(skip)
        else:
            query = query.where(table.id < before)
        async with listing(self._engine) as connection:
            total = await counted(connection, select(table.id).where(*wanted))
            return await _messages(connection, query), total

    async def unread(self, user: str) -> int:
        """How many are not read."""
        table = schedule_message.c
        query = select(func.count()).select_from(schedule_message)
        async with self._engine.connect() as connection:
            query = query.where(table.user_name == user, table.read_at.is_(None))
            return int(await connection.scalar(query) or 0)

    async def read(self, user: str, message_id: int) -> None:
        """Mark one as read; again changes nothing. Raise NotFound, also for others' messages."""
        table = schedule_message.c
        known = select(table.id).where(table.user_name == user, table.id == message_id)
        async with self._engine.connect() as connection:
            if await connection.scalar(known) is None:
                raise NotFound("message", message_id)
        await self._mark(user, table.id == message_id)

    async def read_all(self, user: str) -> int:
        """Mark all as read; how many were not."""
        return await self._mark(user, schedule_message.c.id > 0)

    async def follow(self, user: str, after: int | None) -> AsyncGenerator[Sequence[Message], None]:
        """Messages newer than the one of id *after* as they come, and none now and then.

        Without *after*: those that come from now on. One whose transaction ended after that of a
        newer one comes behind it.
        """
        table = schedule_message.c
        last = await self._newest() if after is None else after
        given = await self._ids(user, last)
        while True:
            news = self._news
            newer = table.user_name == user, table.id > last - _OVERLAP, table.id.not_in(given)
            query = select(*_OWN).where(*newer).order_by(table.id).limit(_MOST_AT_ONCE)
            messages = await self._messages(query)
            yield messages
            if messages:
                last = max(last, messages[-1].id)
                given = {one for one in given if one > last - _OVERLAP}
                given.update(message.id for message in messages)
                continue
            await wait_for(news, _LOOK_EVERY_S)

    async def _newest(self) -> int:
        async with self._engine.connect() as connection:
            return int(await connection.scalar(select(func.max(schedule_message.c.id))) or 0)

    async def _ids(self, user: str, last: int) -> set[int]:
        """Those near the message of id *last*, which are no news."""
        table = schedule_message.c
        known = table.user_name == user, table.id > last - _OVERLAP, table.id <= last
        async with self._engine.connect() as connection:
            return {*await connection.scalars(select(table.id).where(*known))}

    async def _messages(self, query: Any) -> Sequence[Message]:
        async with self._engine.connect() as connection:
            return await _messages(connection, query)

    async def _mark(self, user: str, which: ColumnElement[bool]) -> int:
        table = schedule_message
        query = update(table).where(table.c.user_name == user, table.c.read_at.is_(None), which)
        async with self._engine.begin() as connection:
            return (await connection.execute(query.values(read_at=func.now()))).rowcount


async def _messages(connection: AsyncConnection, query: Any) -> Sequence[Message]:
    rows = (await connection.execute(query)).mappings()
    return [Message(**{**row, "level": Level(row["level"])}) for row in rows]


_OWN = [column for column in schedule_message.c if column.name in Message.__dataclass_fields__]
