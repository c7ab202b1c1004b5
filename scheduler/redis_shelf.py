"""Configs at hand in Redis, shared by all replicas.

It is used only while its news are heard: when the connection was lost, the server may have been
restarted (with old data, even) and drops may have failed, so all is dropped first. Entries hold
`?token`, a lease, or `=JSON`, the rows; secrets stay sealed in them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from secrets import token_bytes
from typing import Any

import orjson
import structlog
from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from executor.outbox import pause_s
from scheduler.config_shelf import Lease, Row

_log = structlog.get_logger(__name__)
_TTL_MS = 3_600_000
_PATIENCE_S = 0.5
"""A command that takes longer has failed: PostgreSQL is asked instead."""
_CHECK_S = 2
_LONGEST_PAUSE_S = 2.0
_AWAY = (RedisError, OSError, TimeoutError)

_GET = """\
local held = redis.call('GET', KEYS[1])
if held then return held end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return ARGV[1]
"""
_PUT = """\
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
"""


class RedisShelf:
    """One server, or none for a while."""

    def __init__(self, url: str, prefix: str, heard: Callable[[int], None]) -> None:
        """*heard* is told the id of a job whose configs somebody has changed.

        Raises ValueError for a *url* that is none.
        """
        self._redis: Redis = Redis.from_url(
            url,
            socket_timeout=_PATIENCE_S,
            socket_connect_timeout=_PATIENCE_S,
            health_check_interval=_CHECK_S,
            retry=Retry(NoBackoff(), 0),  # who has lost a connection must know it
        )
        self._prefix = f"{prefix}:config:"
        self._channel = f"{prefix}:config"
        self._heard = heard
        self._get = self._redis.register_script(_GET)
        self._put = self._redis.register_script(_PUT)
        self._broken = asyncio.Event()
        self.up = asyncio.Event()
        """Set while it can be relied on."""

    async def run(self) -> None:
        """Listen, and drop all whenever that begins anew, until cancelled."""
        self._failures = 0
        while True:
            try:
                await self._listen()
            except _AWAY as error:
                self._fail(error)
            await asyncio.sleep(min(pause_s(self._failures), _LONGEST_PAUSE_S))

    async def close(self) -> None:
        await self._redis.aclose()

    async def get(self, job_id: int) -> Sequence[Row] | Lease | None:
        token = b"?" + token_bytes(12)
        held = await self._try(self._get, keys=[self._key(job_id)], args=[token, _TTL_MS])
        if held is None:
            return None
        rows = _rows(held)
        return rows if rows is not None else Lease(held)

    async def put(self, job_id: int, lease: Lease, rows: Sequence[Row]) -> None:
        value = b"=" + orjson.dumps(rows, default=tuple)
        await self._try(self._put, keys=[self._key(job_id)], args=[lease.token, value, _TTL_MS])

    async def drop(self, job_id: int) -> None:
        await self._try(self._redis.unlink, self._key(job_id))

    async def drop_all(self) -> None:
        await self._try(self._unlink_all)

    async def tell(self, job_id: int) -> None:
        await self._try(self._redis.publish, self._channel, job_id)

    async def _try(self, command: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """The answer; None while out of order, which a failure makes it."""
        if not self.up.is_set():
            return None
        try:
            return await command(*args, **kwargs)
        except _AWAY as error:
            self._fail(error)
            return None

    def _fail(self, error: Exception) -> None:
        """Rely on nothing until all was dropped: a drop may be what has failed."""
        self.up.clear()
        self._broken.set()
        self._failures += 1
        if self._failures == 1:
            _log.warning("redis_away", reason=f"{type(error).__name__}: {error}")

    async def _listen(self) -> None:
        self._broken.clear()
        async with self._redis.pubsub(ignore_subscribe_messages=True) as news:
            await news.subscribe(self._channel)
            await self._unlink_all()
            self.up.set()
            _log.info("redis_used", again=self._failures > 0)
            self._failures = 0
            hearing = asyncio.create_task(self._hear_all(news))
            broken = asyncio.create_task(self._broken.wait())
            try:
                await asyncio.wait({hearing, broken}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                broken.cancel()
                hearing.cancel()
                [ended] = await asyncio.gather(hearing, return_exceptions=True)
            if isinstance(ended, Exception):
                raise ended

    async def _hear_all(self, news: PubSub) -> None:
        while True:
            message = await news.get_message(timeout=_CHECK_S)
            if message is not None:
                self._hear(message["data"])

    def _hear(self, data: bytes) -> None:
        if data.isdigit():
            self._heard(int(data))

    async def _unlink_all(self) -> None:
        keys = [key async for key in self._redis.scan_iter(f"{self._prefix}*", count=1000)]
        for start in range(0, len(keys), 1000):
            await self._redis.unlink(*keys[start : start + 1000])

    def _key(self, job_id: int) -> str:
        return f"{self._prefix}{job_id}"


def _rows(held: bytes) -> list[Row] | None:
    """The rows in an entry; None: it has none that can be read, and what is loaded replaces it."""
    if not held.startswith(b"="):
        return None
    try:
        return [Row(*row) for row in orjson.loads(held[1:])]
    except (ValueError, TypeError):  # somebody else's, or another version's
        return None
