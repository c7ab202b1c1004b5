"""Reads an Admin's lists whole, page by page, at a bearable pace."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

import structlog

from admin_bridge.console import AdminJob, AdminLog, AnswerTooBig, Console, LogStatus, Page
from scheduler.mirror.log_entry import once_each
from scheduler.mirror.spans import Span, cut, fitting
from scheduler.mirror.timing import Timing
from scheduler.mirror_settings import MirrorSection

_log = structlog.get_logger(__name__)
_PAGES = 4
"""Of a span: a few, since far pages cost an Admin more than near ones."""
_TRIES = 3
_SMALLEST_PAGE = 10
_SHARE = 0.5
"""So much of an Admin's time is taken at most while there is something to copy."""

_Answer = TypeVar("_Answer")


class ListUnsteady(Exception):
    """A list changed underneath each time that it was read; later it may hold still."""


class Reader:
    """Asks one console, never twice at once.

    Everything here raises ConsoleError, and gives no part of a list then.
    """

    def __init__(self, console: Console, section: MirrorSection, timing: Timing) -> None:
        self._console = console
        self._section = section
        self._timing = timing
        self._not_before = 0.0
        self._seen = 0
        self._lengths: dict[int, timedelta] = {}
        self._log_page = section.page_size
        self._job_page = section.job_page_size
        self.requests = 0
        """That were made so far."""
        self.slowest_s = 0.0
        """The longest of them."""

    async def group_ids(self, app_name: str) -> list[int]:
        """The ids of the groups of *app_name*."""
        groups = await self._timed(self._console.groups())
        return sorted(group.id for group in groups if group.app_name == app_name)

    async def jobs(self, group_id: int) -> list[AdminJob]:
        """All jobs of a group. Raise ListUnsteady."""
        for _ in range(_TRIES):
            found = await self._all_jobs(group_id)
            if found is not None:
                return found
        raise ListUnsteady(f"the jobs of group {group_id}")

    async def newest(self, group_id: int, since: datetime | None) -> Page[AdminLog]:
        """The first page of the log, newest first, from *since* on."""
        return await self._logs(group_id, since=since, limit=None if since else 1)

    async def running(self, group_id: int, since: datetime) -> set[int]:
        """The log ids of all runs since then that an executor has taken and not ended."""
        found = await self._span(group_id, Span(since, _ever(since)), status=LogStatus.RUNNING)
        return {log.id for log in found or ()}

    async def around(self, group_id: int, job_id: int, at: datetime) -> list[AdminLog] | None:
        """The rows of a job around one moment; None: they are too many to be sure."""
        second = timedelta(seconds=1)
        return await self._span(group_id, Span(at - second, at + second), job_id=job_id)

    async def sweep(
        self, group_id: int, start: datetime, end: datetime
    ) -> AsyncIterator[tuple[Span, list[AdminLog]]]:
        """All rows between two moments, both included, in spans one after the other."""
        wanted = _PAGES * self._log_page
        length = self._lengths.get(group_id, end - start)
        while start <= end:
            span = cut(start, end, length)
            rows = await self._span(group_id, span)
            if rows is None:
                length = fitting(span.length, self._seen, wanted=wanted // 2)
                continue
            length = self._lengths[group_id] = fitting(span.length, len(rows), wanted=wanted)
            yield span, rows
            if span.until >= end:
                return
            start = span.until

    async def _span(
        self, group_id: int, span: Span, *, job_id: int = 0, status: LogStatus = LogStatus.ALL
    ) -> list[AdminLog] | None:
        """All rows of *span*; None: they are too many, or won't hold still: `_seen` says how many.

        Rows that arrive shift others to the next page, where they are read again. A row that
        goes, or two of one second that change places, would be missed: so they are counted, and
        read again by larger pages.
        """
        found: list[AdminLog] = []
        for wider in range(_TRIES):
            limit = self._log_page * 4**wider
            ask = partial(self._logs, group_id, job_id=job_id, status=status, limit=limit)
            complete = await self._add_pages(found, span, ask)
            if complete is not False:
                return once_each(found) if complete else None
        if not span.is_shortest:
            self._seen *= 2
            return None
        _log.warning("mirror_incomplete", group=group_id, at=str(span.since), rows=len(found))
        return once_each(found)

    async def _add_pages(
        self, found: list[AdminLog], span: Span, ask: Callable[..., Awaitable[Page[AdminLog]]]
    ) -> bool | None:
        """Add what the pages have; whether that is all; None: it would be too much."""
        offset, total = 0, 1
        while offset < total:
            page = await ask(since=span.since, until=span.until, offset=offset)
            total = self._seen = page.total
            if total > 2 * _PAGES * self._log_page and not span.is_shortest:
                return None
            found += page.rows
            offset += len(page.rows)
            if not page.rows:
                break
        return len(once_each(found)) >= total

    async def _all_jobs(self, group_id: int) -> list[AdminJob] | None:
        """All jobs, or None when the list changed between its pages."""
        found: dict[int, AdminJob] = {}
        total: int | None = None
        offset = 0
        while total is None or offset < total:
            page = await self._job_page_of(group_id, offset)
            if total not in (None, page.total):
                return None
            total = page.total
            found |= {job.id: job for job in page.rows if job.fields.group_id == group_id}
            offset += len(page.rows)
            if not page.rows:
                break
        return list(found.values()) if len(found) == total else None

    async def _job_page_of(self, group_id: int, offset: int) -> Page[AdminJob]:
        while True:
            try:
                call = self._console.jobs(group_id, offset=offset, limit=self._job_page)
                return await self._timed(call)
            except AnswerTooBig:
                if self._job_page <= _SMALLEST_PAGE:
                    raise
                self._job_page = max(_SMALLEST_PAGE, self._job_page // 4)

    async def _logs(
        self,
        group_id: int,
        *,
        job_id: int = 0,
        since: datetime | None = None,
        until: datetime | None = None,
        status: LogStatus = LogStatus.ALL,
        offset: int = 0,
        limit: int | None = None,
    ) -> Page[AdminLog]:
        while True:
            try:
                call = self._console.logs(
                    group_id=group_id,
                    job_id=job_id,
                    since=since,
                    until=until,
                    status=status,
                    offset=offset,
                    limit=limit or self._log_page,
                )
                return await self._timed(call)
            except AnswerTooBig:
                if self._log_page <= _SMALLEST_PAGE:
                    raise
                self._log_page = max(_SMALLEST_PAGE, self._log_page // 4)

    async def _timed(self, call: Awaitable[_Answer]) -> _Answer:
        """The answer, not sooner than the pace allows."""
        pause_s = self._not_before - self._timing.elapsed()
        if pause_s > 0:
            await self._timing.sleep(pause_s)
        began = self._timing.elapsed()
        self.requests += 1
        try:
            return await call
        finally:
            took_s = self._timing.elapsed() - began
            self.slowest_s = max(self.slowest_s, took_s)
            self._not_before = began + max(took_s / _SHARE, 1 / self._section.catch_up_per_second)


def _ever(since: datetime) -> datetime:
    """Later than any run: an Admin's clock may be ahead of ours."""
    return since + timedelta(days=3650)
