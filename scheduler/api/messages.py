"""The endpoints of in-site messages: the inbox of whose token it is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from zoneinfo import ZoneInfo

from aiohttp import web

from scheduler.alarms.inbox import Inbox, Message
from scheduler.api.alarm_shapes import MessagePath, MessageQuery, MessageTold
from scheduler.api.cursor import read_cursor, write_cursor
from scheduler.api.endpoint import Role, get, post
from scheduler.api.shapes import Page
from scheduler.api.streams import Streams
from scheduler.audit import acting


class Messages:
    """In-site messages, each user's own; a user is the name of a token."""

    def __init__(self, inbox: Inbox, streams: Streams, *, timezone: str) -> None:
        self._inbox = inbox
        self._streams = streams
        self._zone = ZoneInfo(timezone)

    @get("/messages")
    async def find(self, query: MessageQuery) -> Page[MessageTold]:
        """List your messages, newest first."""
        user, before = acting.get().name, read_cursor(query.cursor, 1)[0] if query.cursor else None
        found, total = await self._inbox.page(
            user, size=query.reads, skip=query.skip, before=before, unread=query.unread
        )
        return Page[MessageTold].of(
            found, total, query, told=self._told, cursor=lambda one: write_cursor(one.id)
        )

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
            told = [self._told(one) for one in messages]
            events = (f"id: {one.id}\ndata: {one.model_dump_json()}\n\n" for one in told)
            yield "".join(events).encode() or b": nothing new\n\n"

    def _told(self, message: Message) -> MessageTold:
        return MessageTold.model_validate(message).in_zone(self._zone)
