"""The endpoints of runs and their logs."""

from __future__ import annotations

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from aiohttp import web

from executor.model import LOCAL
from scheduler.api.cursor import from_us, read_cursor, to_us, write_cursor
from scheduler.api.endpoint import get, post
from scheduler.api.run_shapes import (
    JobIdPath,
    Killed,
    RecentQuery,
    RunPath,
    RunQuery,
    RunsOfJobQuery,
    RunTold,
    StreamQuery,
    TextQuery,
    TextTold,
)
from scheduler.api.shapes import JobPath, Page
from scheduler.api.streams import Streams
from scheduler.job_service import JobService
from scheduler.run_list import Place, Run, RunFilter, RunList
from scheduler.run_service import RunService
from scheduler.run_text import RunText


class Logs:
    """Runs: each accepted trigger and what became of it, with its log."""

    def __init__(
        self,
        runs: RunList,
        *,
        jobs: JobService,
        control: RunService,
        text: RunText,
        streams: Streams,
    ) -> None:
        self._runs = runs
        self._jobs = jobs
        self._control = control
        self._text = text
        self._streams = streams
        self._zone = ZoneInfo(jobs.timezone)

    @get("/logs")
    async def find(self, query: RunQuery) -> Page[RunTold]:
        """List runs, newest first, by page or by cursor.

        `total` is counted up to 10,000. Above, it is taken from the statistics where all runs, or
        all of a job, are asked for, and is else a lower bound; `totalExact` says which. Pages by
        number begin within the first 10,000 runs; cursors go on.
        """
        return await self._page(query, query.job_id)

    @get("/jobs/{id}/logs")
    async def of_job(self, path: JobPath, query: RunsOfJobQuery) -> Page[RunTold]:
        """List the runs of a job, as `/logs` does; also of one that is deleted."""
        await self._jobs.refuse_unknown(path.id)
        return await self._page(query, path.id)

    @get("/logs/recent/{jobId}")
    async def recent(self, path: JobIdPath, query: RecentQuery) -> Sequence[RunTold]:
        """List the newest runs of a job; also of one that is deleted."""
        await self._jobs.refuse_unknown(path.job_id)
        runs = await self._runs.page(RunFilter(job_id=path.job_id), size=query.size)
        return [_told(run) for run in runs]

    @get("/logs/{id}")
    async def read(self, path: RunPath) -> RunTold:
        """Read a run."""
        return _told(await self._runs.get(path.id))

    @post("/logs/{id}/kill")
    async def kill(self, path: RunPath) -> Killed:
        """Stop a run, queued or running, on whatever replica it is.

        `killed` is false where it is not under way any more. A run of an Admin's job is killed
        through the Admin, with all that waits behind it on that node.
        """
        return Killed(killed=await self._control.kill(path.id))

    @get("/logs/{id}/text")
    async def text(self, path: RunPath, query: TextQuery) -> TextTold:
        """Read some lines of a run's log; a page at line 1,000,000 costs what one at line 1 does."""
        page = await self._text.page(path.id, from_line=query.from_line, budget=query.chars)
        return TextTold.model_validate(page)

    @get("/logs/{id}/stream", media_type="text/event-stream")
    async def stream(
        self, path: RunPath, query: StreamQuery, request: web.Request
    ) -> web.StreamResponse:
        """Follow a run's log as server-sent events, until the run has ended.

        Each event is a line, its id the line's number (`Last-Event-ID` goes on after it); the last
        event is called `end`.
        """
        return await self._streams.follow(request, path.id, query.from_line)

    @get("/logs/{id}/download", media_type="text/plain")
    async def download(self, path: RunPath, request: web.Request) -> web.StreamResponse:
        """Download a run's whole log as a text file."""
        return await self._streams.download(request, path.id)

    async def _page(self, query: RunsOfJobQuery, job_id: int | None) -> Page[RunTold]:
        begin, end = query.span(self._zone)
        wanted = RunFilter(job_id=job_id, status=query.status, start_time=begin, end_time=end)
        after = _place(query.cursor) if query.cursor else None
        runs, total = await self._runs.counted_page(
            wanted, size=query.reads, skip=query.skip, after=after
        )
        return Page[RunTold].of(runs, total, query, told=_told, cursor=_cursor)


def _told(run: Run) -> RunTold:
    told = RunTold.model_validate(run)
    return told.model_copy(update={"admin_log_id": None}) if run.cluster == LOCAL else told


def _place(cursor: str) -> Place:
    microseconds, log_id = read_cursor(cursor, 2)
    return Place(from_us(microseconds), log_id)


def _cursor(last: Run) -> str:
    return write_cursor(to_us(last.trigger_time), last.id)
