"""Calls a webhook while all is well: when the calls stay away, somebody else raises the alarm."""

from __future__ import annotations

import asyncio
import time

import aiohttp
import structlog

_log = structlog.get_logger(__name__)
_LIMIT_S = 10.0


class Deadman:
    """Calls *url* at most every *every_s* seconds; an empty one is never called."""

    def __init__(self, url: str, every_s: float) -> None:
        self._url = url
        self._every_s = every_s
        self._called_at = float("-inf")
        self._calling: asyncio.Task[None] | None = None
        self._failing = False

    def go_by(self, url: str, every_s: float) -> None:
        """Call another one, or more or less often, from now on."""
        self._url, self._every_s = url, every_s

    def all_is_well(self) -> None:
        """Call, if it is time for it."""
        now = time.monotonic()
        busy = self._calling is not None and not self._calling.done()
        if self._url and not busy and now - self._called_at >= self._every_s:
            self._called_at = now
            self._calling = asyncio.create_task(self._call())

    async def stop(self) -> None:
        if self._calling is not None:
            self._calling.cancel()
            await asyncio.gather(self._calling, return_exceptions=True)

    async def _call(self) -> None:
        limit = aiohttp.ClientTimeout(total=_LIMIT_S)
        try:
            async with (
                aiohttp.ClientSession(timeout=limit) as session,
                session.post(self._url, json={"status": "ok"}) as answer,
            ):
                answer.raise_for_status()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            self._tell(error)
        else:
            self._failing = False

    def _tell(self, error: Exception) -> None:
        """Say once that it fails; the URL is a secret."""
        if not self._failing:
            self._failing = True
            status = error.status if isinstance(error, aiohttp.ClientResponseError) else None
            _log.warning("deadman_unreachable", reason=type(error).__name__, status=status)
