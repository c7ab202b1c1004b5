"""Reads an Admin's lists whole, page by page."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple

import structlog

from admin_bridge.console import (
    AdminGroup,
    AdminJob,
    AdminLog,
    AnswerTooBig,
    Console,
    LogStatus,
    Page,
)
from scheduler.mirror.log_entry import once_each
from scheduler.mirror.pace import Pace
from scheduler.mirror.page_size import PageSize
from scheduler.mirror.spans import Span, cut, fitting
from scheduler.mirror.timing import Timing
from scheduler.mirror_settings import MirrorSection

_log = structlog.get_logger(__name__)
_PAGES = 4
"""Of a span: a few, since far pages cost an Admin more than near ones."""
_MOST_PAGES = 2 * _PAGES
_TRIES = 3
_UNSTEADY_SPANS = 10
"""After so many that would not hold still, one after the other and each half as long, it is late."""


class ListUnsteady(Exception):
    """A list changed underneath each time that it was read; later it may hold still."""


class _Reading(NamedTuple):
    """Rows of a list, each once; of how many; and whether none can be missing."""

    rows: list[AdminLog]
    total: int
    whole: bool


class Reader:
    """Asks one console, never twice at once.

    Everything here raises ConsoleError, and gives no part of a list then.
    """

    def __init__(self, console: Console, section: MirrorSection, timing: Timing) -> None:
        self.console = console
        self._lengths: dict[int, timedelta] = {}
        self._log_page = PageSize(section.page_size)
        self._job_page = PageSize(section.job_page_size)
        self.pace = Pace(console, timing, per_second=section.catch_up_per_second)

    async def groups(self, app_name: str) -> list[AdminGroup]:
        """The groups of *app_name*, by their ids."""
        groups = await self.pace.ask(self.console.groups())
        ours = (group for group in groups if group.app_name == app_name)
        return sorted(ours, key=lambda group: group.id)

    async def jobs(self, group_id: int) -> list[AdminJob]:
        """All jobs of a group. Raise ListUnsteady."""
        for _ in range(_TRIES):
            found = await self._all_jobs(group_id)
            if found is not None:
                return found
        raise ListUnsteady(f"the jobs of group {group_id} changed each time they were read")

    async def newest(self, group_id: int, since: datetime | None) -> Page[AdminLog]:
        """The first page of the log, newest first, from *since* on."""
        return await self._logs(group_id, since=since, limit=None if since else 1)

    async def running(self, group_id: int, since: datetime) -> set[int]:
        """The log ids of all runs since then that an executor has taken and not ended."""
        found = await self._span(group_id, Span(since, _ever(since)), status=LogStatus.RUNNING)
        return {log.id for log in found.rows} if found.whole else set()

    async def around(self, group_id: int, job_id: int, at: datetime) -> list[AdminLog] | None:
        """The rows of a job around one moment; None: they are too many to be sure."""
        second = timedelta(seconds=1)
        found = await self._span(group_id, Span(at - second, at + second), job_id=job_id)
        return found.rows if found.whole else None

    async def sweep(
        self, group_id: int, start: datetime, end: datetime
    ) -> AsyncGenerator[tuple[Span, list[AdminLog]], None]:
        """All rows between two moments, both included, in spans one after the other.

        Raises ListUnsteady.
        """
        length, unsteady = self._lengths.get(group_id, end - start), 0
        while start <= end:
            span = cut(start, end, length)
            found = await self._span(group_id, span)
            if not found.whole:
                unsteady = 0 if self._is_too_much(found.total, span) else unsteady + 1
                if unsteady == _UNSTEADY_SPANS:
                    raise ListUnsteady(
                        f"the log of group {group_id} from {span.since} on changed each time it was"
                        f" read, or lists fewer rows than the {found.total} that it counts"
                    )
                length = self._shorter(span, found)
                continue
            unsteady = 0
            wanted = _PAGES * self._log_page.rows
            length = self._lengths[group_id] = fitting(span.length, len(found.rows), wanted=wanted)
            yield span, found.rows
            if span.until >= end:
                return
            start = span.until

    def _shorter(self, span: Span, found: _Reading) -> timedelta:
        """How long to make a span of which one could not be read."""
        if not self._is_too_much(found.total, span):
            return span.length / 2
        return fitting(span.length, found.total, wanted=_PAGES * self._log_page.rows // 2)

    def _is_too_much(self, total: int, span: Span) -> bool:
        return total > _MOST_PAGES * self._log_page.rows and not span.is_shortest

    async def _span(
        self, group_id: int, span: Span, *, job_id: int = 0, status: LogStatus = LogStatus.ALL
    ) -> _Reading:
        """The rows of *span*; not whole: they are too many, or won't hold still.

        Rows that arrive shift others to the next page, where they are read again. A row that
        goes, or two of one second that change places, would be missed: so they are counted, and
        read again by larger pages.
        """
        every: list[AdminLog] = []
        for wider in range(_TRIES):
            limit = min(4**wider, _MOST_PAGES) * self._log_page.rows
            ask = partial(self._logs, group_id, job_id=job_id, status=status, limit=limit)
            found = await self._read(span, ask)
            if found.whole or self._is_too_much(found.total, span):
                return found
            every += found.rows
        if not span.is_shortest:
            return found
        rows = once_each(every)
        _log.warning("mirror_incomplete", group=group_id, at=str(span.since), rows=len(rows))
        return _Reading(rows, found.total, whole=True)

    async def _read(self, span: Span, ask: Callable[..., Awaitable[Page[AdminLog]]]) -> _Reading:
        """The rows of *span*, page by page, until they are too many, or fewer than before."""
        found: list[AdminLog] = []
        offset, total = 0, 0
        while True:
            page = await ask(since=span.since, until=span.until, offset=offset)
            shrunk, total = page.total < total, page.total
            if shrunk or self._is_too_much(total, span):
                return _Reading(once_each(found), total, whole=False)
            found += page.rows
            offset += len(page.rows)
            if offset >= total or not page.rows:
                rows = once_each(found)
                return _Reading(rows, total, whole=len(rows) >= total)

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
        limit = self._job_page.rows
        while True:
            try:
                page = await self.pace.ask(self.console.jobs(group_id, offset=offset, limit=limit))
            except AnswerTooBig:
                if not (limit := self._job_page.instead_of(limit)):
                    raise
            else:
                self._job_page.note(len(page.rows))
                return page

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
        ask = partial(
            self.console.logs,
            group_id=group_id,
            job_id=job_id,
            since=since,
            until=until,
            status=status,
            offset=offset,
        )
        limit = limit or self._log_page.rows
        while True:
            try:
                page = await self.pace.ask(ask(limit=limit))
            except AnswerTooBig:
                if not (limit := self._log_page.instead_of(limit)):
                    raise
            else:
                self._log_page.note(len(page.rows))
                return page


def _ever(since: datetime) -> datetime:
    """Later than any run: an Admin's clock may be ahead of ours."""
    return since + timedelta(days=3650)
