"""Copies one job group of an Admin: its jobs, its log, and what became of runs without an end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, tzinfo
from typing import Any, NamedTuple

import asyncpg
import structlog

from admin_bridge.console import AdminJob, AdminLog, Page
from scheduler.mirror.ahead import ahead
from scheduler.mirror.dates import check_dates
from scheduler.mirror.job_entry import Place, admin_fields, is_another
from scheduler.mirror.job_rows import asked_now, copy_jobs, drop_jobs
from scheduler.mirror.log_entry import Identity, identity
from scheduler.mirror.log_rows import LogRows, Merged, keep_progress
from scheduler.mirror.progress import Progress, newest_believed, reconcile_at
from scheduler.mirror.reader import Reader
from scheduler.mirror.timing import Timing
from scheduler.mirror_settings import MirrorSection

_log = structlog.get_logger(__name__)
OVERLAP = timedelta(seconds=30)
"""Read again each time: rows may come to light a little late, and by clocks that differ."""
_FRESH_EVERY = timedelta(seconds=60)
"""So often it is noted that a log was read, though nothing was new."""


@dataclass(slots=True, kw_only=True)
class Group:
    """One group, and what of it is known to be copied.

    Methods raise ConsoleError, ListUnsteady, and what a connection to PostgreSQL raises; what was
    copied before stays copied.
    """

    id: int
    place: Place
    reader: Reader
    rows: LogRows
    section: MirrorSection
    timing: Timing
    progress: Progress
    _jobs: dict[int, AdminJob] = field(default_factory=dict)
    """As they are copied; forgotten when in doubt."""
    _tail: dict[Identity, AdminLog] = field(default_factory=dict)
    """The newest rows of the log, as they are copied."""
    _under_way: _Sweep | None = None
    """What is left to be read, where the log is too long to be read at once."""
    _noted: datetime | None = None
    dates_hold: bool
    """Whether it is known that the dates in the log mean what they did when it was last read."""
    watched: set[int] = field(default_factory=set)
    """The log ids on the first page, which is read again and again."""
    reconciled_to: datetime | None = None
    """How far the comparison under way has come."""
    _repaired: int = 0

    def forget(self) -> None:
        """Compare everything with PostgreSQL again."""
        self._jobs.clear()
        self._tail.clear()

    async def copy_jobs(self, connection: asyncpg.Connection, *, sure: bool) -> bool | None:
        """Make the jobs here those of the group; whether anything has changed.

        None: the list is of other jobs than before, or of few of them, and nothing was done;
        *sure*: the group was looked for again, and this is it.
        """
        asked = await asked_now(connection)
        jobs = await self.reader.jobs(self.id)
        if not sure and self._is_strange(jobs):
            return None
        new = [job for job in jobs if self._jobs.get(job.id) != job]
        known = self.progress.jobs_at is not None
        copied = await copy_jobs(connection, new, self.place, asked=asked, audited=known)
        if copied.replaced:
            _log.warning("admin_jobs_replaced", **self._named(), jobs=copied.replaced)
            self._tail.clear()  # what was recorded meanwhile may be on the old jobs
        ids = {job.id for job in jobs}
        dropped = 0
        if ids != self._jobs.keys():
            cluster = self.place.cluster
            dropped = await drop_jobs(connection, cluster, self.id, keep=ids, asked=asked)
        self._jobs = {
            job.id: job for job in jobs if job.id in copied.ids or self._jobs.get(job.id) == job
        }
        if not known:
            _log.info("mirror_has_jobs", **self._named(), jobs=len(jobs))
            await self._keep(connection, replace(self.progress, jobs_at=self.timing.now()))
        return copied.changed + dropped > 0

    async def copy_logs(self, connection: asyncpg.Connection, *, limit_s: float) -> Copy:
        """Copy what is new in the log, for about *limit_s* seconds. Raise DatesMoved."""
        if not self.dates_hold:
            await check_dates(self.reader, self.id, self.progress)
            self.dates_hold = True
        if self._under_way is not None:
            return await self._go_on(connection, self._under_way, limit_s=limit_s)
        since = self.progress.logs_until and self.progress.logs_until - OVERLAP
        page = await self.reader.newest(self.id, since)
        self.watched = {log.id for log in page.rows}
        if not page.rows or (since is not None and self._is_known(page, since)):
            return Copy()
        if self._note_wipe(page.rows):
            return Copy(wiped=True)  # its jobs come first: their ids may be other jobs' now
        if since is not None and page.total <= len(page.rows):
            return Copy(news=await self._copy_tail(connection, page.rows))
        way = self._begin_sweep(page.rows)
        return await self._go_on(connection, way, limit_s=limit_s)

    def is_to_be_compared(self, zone: tzinfo) -> bool:
        """Whether the last days are to be compared now; *zone* is that of the hour of the day."""
        last, now = self.progress.reconciled_at, self.timing.now()
        if last is None:  # the first copy is still under way
            return False
        due = reconcile_at(last, now, hour=self.section.reconcile_hour, zone=zone)
        return self.reconciled_to is not None or now >= due

    async def reconcile(self, connection: asyncpg.Connection, *, limit_s: float) -> bool:
        """Compare the last days row by row, for about *limit_s* seconds; whether that is all."""
        end = self.timing.now()
        start = self.reconciled_to or end - timedelta(days=self.section.reconcile_days)
        self._jobs.clear()
        began = self.timing.elapsed()
        async for span, logs in self.reader.sweep(self.id, start, end):
            merged = await self.rows.merge(connection, logs, now=self.timing.now())
            self._repaired += merged.added + merged.changed
            self.reconciled_to = span.until
            if span.until < end and self.timing.elapsed() - began > limit_s:
                return False
        await self._keep(connection, replace(self.progress, reconciled_at=self.timing.now()))
        _log.info("mirror_reconciled", **self._named(), repaired=self._repaired)
        self.reconciled_to, self._repaired = None, 0
        return True

    def _begin_sweep(self, newest: Sequence[AdminLog]) -> _Sweep:
        """The way from what is known to the *newest* rows, or to them from the days before."""
        known, latest = self.progress.logs_until, newest_believed(newest, self.timing.now())
        first = known - OVERLAP if known else latest - timedelta(days=self.section.history_days)
        if known is None:
            _log.info("mirror_catches_up", **self._named(), since=str(first))
        return _Sweep(first, max(log.triggered_at for log in newest), latest)

    async def _go_on(self, connection: asyncpg.Connection, way: _Sweep, *, limit_s: float) -> Copy:
        """Copy what lies on the way, for about *limit_s* seconds: the next span is read meanwhile."""
        merged = await self._sweep(connection, way, limit_s=limit_s)
        if self._under_way is None and self.progress.reconciled_at is None:
            _log.info("mirror_caught_up", **self._named(), until=str(way.latest))
            now = self.timing.now()
            await self._keep(connection, replace(self.progress, reconciled_at=now))
        return Copy(news=merged, unfinished=self._under_way is not None)

    def _is_known(self, page: Page[AdminLog], since: datetime) -> bool:
        """Whether the log has nothing from *since* on that was not copied before, row for row.

        What changes on a later page is found by asking after runs without an end.
        """
        known = sum(log.triggered_at >= since for log in self._tail.values())
        same = all(self._tail.get(identity(log)) == log for log in page.rows)
        return page.total == known and same and not self._is_due()

    async def _copy_tail(self, connection: asyncpg.Connection, logs: Sequence[AdminLog]) -> bool:
        """Merge what of the newest rows is otherwise than when it was last merged."""
        found = {identity(log): log for log in logs}
        new = [log for key, log in found.items() if self._tail.get(key) != log]
        until = newest_believed(logs, self.timing.now())
        merged = await self._merge(connection, new, self.progress.after(logs, until=until))
        self._tail = found
        return bool(merged)

    async def _sweep(self, connection: asyncpg.Connection, way: _Sweep, *, limit_s: float) -> bool:
        """Copy rows on the way, and note how much of it is left; whether any was new."""
        late_at, end_s = way.latest - OVERLAP, self.timing.elapsed() + limit_s
        merged = False
        self._tail = {key: log for key, log in self._tail.items() if way.start <= log.triggered_at}
        found = self.reader.sweep(self.id, way.start, way.end)
        async with aclosing(ahead(found, lambda: self.timing.elapsed() <= end_s)) as spans:
            async for span, logs in spans:
                progress = self.progress.after(logs, until=min(span.until, way.latest))
                merged |= bool(await self._merge(connection, logs, progress))
                self._tail |= {identity(log): log for log in logs if log.triggered_at >= late_at}
                self._under_way = way._replace(start=span.until) if span.until < way.end else None
        return merged

    async def _merge(
        self, connection: asyncpg.Connection, logs: Sequence[AdminLog], progress: Progress
    ) -> Merged:
        now = self.timing.now()
        noted = (self.id, self.place.app_name, progress)
        merged = await self.rows.merge(connection, logs, now=now, progress=noted)
        self.progress, self._noted = progress, now
        return merged

    async def _keep(self, connection: asyncpg.Connection, progress: Progress) -> None:
        place = self.place
        await keep_progress(connection, place.cluster, self.id, place.app_name, progress)
        self.progress = progress

    def _note_wipe(self, logs: Sequence[AdminLog]) -> bool:
        """Say when log ids start anew: another database, whose runs are not those known."""
        again = self.progress.restarted(logs)
        if again is None:
            return False
        was = self.progress.newest_log_id
        _log.warning("admin_wiped", **self._named(), log_id=again.id, was=was)
        self.progress = self.progress.forgetting(self.timing.now())
        return True

    def _is_strange(self, jobs: Sequence[AdminJob]) -> bool:
        known = self._jobs
        if known and (len(jobs) < len(known) / 2 or not any(job.id in known for job in jobs)):
            return True
        return any(is_another(job, admin_fields(known[job.id])) for job in jobs if job.id in known)

    def _is_due(self) -> bool:
        return self._noted is None or self.timing.now() - self._noted > _FRESH_EVERY

    def _named(self) -> Mapping[str, Any]:
        return {"cluster": self.place.cluster, "group": self.id}


class _Sweep(NamedTuple):
    """A stretch of the log; what comes after *latest* is dated ahead."""

    start: datetime
    end: datetime
    latest: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """What came of a look at the log."""

    news: bool = False
    unfinished: bool = False
    wiped: bool = False
