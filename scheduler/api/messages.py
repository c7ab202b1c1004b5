"""The endpoints of in-site messages: the inbox of whose token it is."""

from __future__ import annotations

from collections.abc import AsyncIterator

from aiohttp import web

from scheduler.alarms.inbox import Inbox
from scheduler.api.alarm_shapes import MessagePath, MessageQuery, MessagesTold, MessageTold
from scheduler.api.cursor import read_cursor, write_cursor
from scheduler.api.endpoint import Role, get, post
from scheduler.api.streams import Streams
from scheduler.audit import acting


class Messages:
    """In-site messages, each user's own; a user is the name of a token."""

    def __init__(self, inbox: Inbox, streams: Streams) -> None:
        self._inbox = inbox
        self._streams = streams

    @get("/messages")
    async def find(self, query: MessageQuery) -> MessagesTold:
        """List your messages, newest first."""
        before = read_cursor(query.cursor, 1)[0] if query.cursor else None
        found = await self._inbox.page(
            acting.get().name, size=query.size, before=before, unread=query.unread
        )
        more = write_cursor(found[-1].id) if len(found) == query.size else None
        return MessagesTold(records=[MessageTold.model_validate(one) for one in found], cursor=more)

    @get("/messages/unread-count")
    async def unread_count(self) -> int:
        """Read how many of your messages are not read."""
        return await self._inbox.unread(acting.get().name)

    @get("/messages/stream", media_type="text/event-stream")
    async def stream(self, request: web.Request) -> web.StreamResponse:
        """Follow your messages as server-sent events: each as it comes, its id the event's.

        `Last-Event-ID` goes on after that message.
        """
        last_seen = request.headers.get("Last-Event-ID", "")
        after = int(last_seen) if last_seen.isdecimal() and len(last_seen) < 19 else None
        return await self._streams.push(request, self._events(acting.get().name, after))

    @post("/messages/read-all", role=Role.VIEWER)
    async def read_all(self) -> int:
        """Mark all your messages as read; how many were not."""
        return await self._inbox.read_all(acting.get().name)

    @post("/messages/{id}/read", role=Role.VIEWER)
    async def read(self, path: MessagePath) -> None:
        """Mark a message of yours as read."""
        await self._inbox.read(acting.get().name, path.id)

    async def _events(self, user: str, after: int | None) -> AsyncIterator[bytes]:
        async for messages in self._inbox.follow(user, after):
            told = [MessageTold.model_validate(one) for one in messages]
            events = (f"id: {one.id}\ndata: {one.model_dump_json()}\n\n" for one in told)
            yield "".join(events).encode() or b": nothing new\n\n"
