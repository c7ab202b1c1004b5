"""What handlers read as `ctx.config`, at hand: the run path waits only for jobs that have configs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from executor.errors import StartRefused
from executor.model import LOCAL, Trigger
from executor.raised import UnknownConfig
from scheduler.config_index import ConfigIndex
from scheduler.config_shelf import Lease, MemoryShelf, Row, Shelf
from scheduler.configs import revealed
from scheduler.engine.link import DatabaseAway, lent
from scheduler.secret_box import SecretBox, Unsealable
from scheduler.sections import RedisSection

_LIMIT_S = 5.0
"""A run waits no longer for its configs."""
_NONE: Mapping[str, str] = {}
_ROWS = """\
SELECT config_key, config_value, secret FROM qooerp_scheduler.schedule_config
WHERE job_id = $1 ORDER BY config_key
"""
_JOB = """\
SELECT id FROM qooerp_scheduler.schedule_job WHERE cluster = $1 AND admin_job_id = $2
"""
_Task = asyncio.Task[Any]


class ConfigCache:
    """Configs by job: from the shelf, else from PostgreSQL, else as they were known last.

    What is known to have changed since is never read again: a run whose handler wants it fails.
    """

    def __init__(self, database: AsyncEngine, secrets: SecretBox, section: RedisSection) -> None:
        """Raise StartRefused for a Redis URL that is none."""
        self._database = database
        self._secrets = secrets
        self.index = ConfigIndex(database)
        self._shelf = _shelf(section, self._outdate)
        self._loading: dict[tuple[int, Lease | None], _Task] = {}
        self._last: dict[int, Sequence[Row]] = {}
        self._news = 0
        self._tasks: set[_Task] = set()

    def start(self, watch: Callable[[_Task], None]) -> None:
        """Begin to keep what is known fresh; *watch* is told when a loop has ended."""
        for loop in (self.index.run(), self._shelf.run()):
            self._go(loop).add_done_callback(watch)

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._shelf.close()

    def of(self, trigger: Trigger) -> Mapping[str, str] | Awaitable[Mapping[str, str]]:
        """The configs of a trigger's job, at once where there are none. Nothing here raises."""
        job_id = self.index.find(trigger.lane)
        if job_id is not None:
            return self._read(job_id)
        return _NONE if self.index.known else self._read_unindexed(trigger)

    async def changed(self, job_id: int) -> None:
        """This replica has changed the job's configs: when this is done, none reads the old ones."""
        self._outdate(job_id)
        await self._shelf.drop(job_id)
        await self._shelf.tell(job_id)

    def hear(self, job_id: int | None) -> None:
        """A replica has changed them, perhaps without reaching the shelf; None: any may have."""
        self._outdate(job_id)
        self._go(self._shelf.drop_all() if job_id is None else self._shelf.drop(job_id))

    def _outdate(self, job_id: int | None) -> None:
        """What is known of the job's configs is known to be old; None: any may be."""
        self.index.hear(job_id)
        self._news += 1
        if job_id is not None:
            self._last.pop(job_id, None)

    async def _read_unindexed(self, trigger: Trigger) -> Mapping[str, str]:
        if trigger.cluster == LOCAL:
            return await self._read(trigger.job_id)
        try:
            async with asyncio.timeout(_LIMIT_S), lent(self._database) as connection:
                job_id = await connection.fetchval(_JOB, *trigger.lane)
        except (DatabaseAway, TimeoutError) as reason:
            return _unknown(reason)
        return _NONE if job_id is None else await self._read(job_id)

    async def _read(self, job_id: int) -> Mapping[str, str]:
        news = self._news
        try:
            async with asyncio.timeout(_LIMIT_S):
                rows = await self._rows(job_id)
            if news == self._news:  # else it may have been loaded before a change
                self._last[job_id] = rows
        except (DatabaseAway, TimeoutError) as reason:
            if job_id not in self._last:
                return _unknown(reason)
            rows = self._last[job_id]
        try:
            return revealed(rows, job_id, self._secrets)
        except Unsealable as reason:
            return _unknown(reason)

    async def _rows(self, job_id: int) -> Sequence[Row]:
        held = await self._shelf.get(job_id)
        if held is not None and not isinstance(held, Lease):
            return held
        under_way = (job_id, held)  # who has another lease must not join: a change lies between
        loading = self._loading.get(under_way)
        if loading is None:
            loading = self._loading[under_way] = self._go(self._load(job_id, held))
            loading.add_done_callback(lambda _: self._loading.pop(under_way))
        rows: Sequence[Row] = await asyncio.shield(loading)
        return rows

    async def _load(self, job_id: int, lease: Lease | None) -> Sequence[Row]:
        async with lent(self._database) as connection:
            rows = [Row(*row) for row in await connection.fetch(_ROWS, job_id)]
        if lease is not None:
            await self._shelf.put(job_id, lease, rows)
        return rows

    def _go(self, work: Coroutine[Any, Any, Any]) -> _Task:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._gone)
        return task

    def _gone(self, task: _Task) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # who waited for it has seen it


def _shelf(section: RedisSection, heard: Callable[[int], None]) -> Shelf:
    url = section.url.get_secret_value()
    if not url:
        return MemoryShelf()
    from scheduler.redis_shelf import RedisShelf  # costs 0.1 s, for those who use it

    try:
        return RedisShelf(url, section.prefix, heard)
    except ValueError as error:
        raise StartRefused(f"redis.url: {error}") from None


def _unknown(reason: Exception) -> Mapping[str, str]:
    return UnknownConfig(f"the job's configs cannot be read: {reason or type(reason).__name__}")
