"""Answers that go on: the log of a run as events while it runs, or whole as a file."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from typing import Any

import structlog
from aiohttp import web

from scheduler.api.errors import Busy, answer_to
from scheduler.run_text import RunText, TextPage

_log = structlog.get_logger(__name__)
_MOST = 200
"""Streams at once."""
_READ_WITHIN_S = 60.0
"""After which whoever does not read what is sent is left: others wait for the place."""
_QUIET_PAGES = 50
"""Looks without news after which a comment says that the stream still lives."""


class Streams:
    """The streams that are open; they end when the service does."""

    def __init__(self, text: RunText) -> None:
        self._text = text
        self._open: set[asyncio.Task[object]] = set()

    async def follow(self, request: web.Request, log_id: int, from_line: int) -> web.StreamResponse:
        """Lines from *from_line* on, or after the `Last-Event-ID`, as events."""
        last_seen = request.headers.get("Last-Event-ID", "")
        if last_seen.isdecimal() and len(last_seen) < 16:
            from_line = int(last_seen) + 1
        pages = self._text.chunks(log_id, from_line=from_line, follow=True)
        return await self.push(request, _events(pages))

    async def push(self, request: web.Request, events: AsyncIterator[bytes]) -> web.StreamResponse:
        """Server-sent *events*, as they come."""
        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
        )
        return await self._send(request, response, events)

    async def download(self, request: web.Request, log_id: int) -> web.StreamResponse:
        pages = self._text.chunks(log_id, from_line=1, follow=False)
        response = web.StreamResponse(
            headers={
                "Content-Type": "text/plain; charset=utf-8",
                "Content-Disposition": f'attachment; filename="run-{log_id}.log"',
                "X-Content-Type-Options": "nosniff",
            }
        )
        return await self._send(request, response, _lines(pages))

    def close(self) -> None:
        for task in self._open:
            task.cancel()

    async def _send(
        self, request: web.Request, response: web.StreamResponse, parts: AsyncIterator[bytes]
    ) -> web.StreamResponse:
        """Send *parts*; what is wrong before the first one still gets an answer of its own."""
        if len(self._open) >= _MOST:
            raise Busy(f"{_MOST} logs and inboxes are being followed already")
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            first = await anext(parts, b"")
            await response.prepare(request)
            await _taken(request, response.write(first))
            async for part in parts:
                await _taken(request, response.write(part))
            await _taken(request, response.write_eof())
        except ConnectionError:  # whoever asked has gone
            pass
        except Exception as error:
            if not response.prepared or request.transport is None:
                raise
            if answer_to(error) is None:
                _log.exception("stream_failed", path=request.path)
            request.transport.close()  # unfinished: no second answer, nor an end as if it were whole
        finally:
            self._open.discard(task)
        return response


async def _taken(request: web.Request, sending: Coroutine[Any, Any, None]) -> None:
    """Have something sent. Raise ConnectionError for whoever has gone, or does not read."""
    try:
        async with asyncio.timeout(_READ_WITHIN_S):
            await sending
    except TimeoutError:
        if request.transport is not None:
            request.transport.abort()  # `close` would wait until it is read
        raise ConnectionAbortedError from None


async def _lines(pages: AsyncIterator[TextPage]) -> AsyncIterator[bytes]:
    async for page in pages:
        if page.text or page.last_line >= page.from_line:
            yield f"{page.text}\n".encode("utf-8", "replace")


async def _events(pages: AsyncIterator[TextPage]) -> AsyncIterator[bytes]:
    quiet = 0
    async for page in pages:
        if page.last_line >= page.from_line:
            quiet = 0
            yield _events_of(page)
        elif (quiet := quiet + 1) % _QUIET_PAGES == 1:
            yield b": waiting\n\n"
    yield b"event: end\ndata:\n\n"


def _events_of(page: TextPage) -> bytes:
    numbered = enumerate(page.text.split("\n"), page.from_line)
    events = (f"id: {number}\ndata: {_one_line(line)}\n\n" for number, line in numbered)
    return "".join(events).encode("utf-8", "replace")


def _one_line(text: str) -> str:
    """*text* without what would end the line of an event."""
    return text.replace("\r", "␍")
