"""The logs of runs, by log id: a page, or everything as it comes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from executor.app import ExecutorApp
from executor.handler import KeepLog
from executor.model import LOCAL, RunState
from scheduler.audit import acting
from scheduler.peers import PEER, Peers
from scheduler.refusal import NotFound
from scheduler.run_list import Run, RunList

_LOOK_S = 0.3
"""Between two looks for new lines; the executor hands them to the disk every 0.2 s."""
_CHUNK_CHARS = 256 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class TextPage:
    """Some lines of a run's log."""

    text: str
    """The lines joined by line feeds."""
    from_line: int
    """Number of the first, from 1."""
    last_line: int
    """Number of the last; less than *from_line* when there is none."""
    total_lines: int
    """That there are so far."""
    end: bool
    """Nothing follows, and nothing more will come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where the log of a run is kept."""

    id: int
    """That the API gives it; `log_id` is the one of its cluster."""
    cluster: str
    log_id: int
    trigger_ms: int
    address: str
    ended: bool
    run: Run | None = None
    """None: it is under way here."""


class RunText:
    """Reads logs: those that this process's executor keeps, and through *peers* the others'."""

    def __init__(self, executor: ExecutorApp | None, runs: RunList, peers: Peers) -> None:
        self._executor = executor
        self._runs = runs
        self._peers = peers

    async def page(self, log_id: int, *, from_line: int, budget: int) -> TextPage:
        """Lines from *from_line* on, about *budget* characters. Raise NotFound, PeerAway."""
        place = await self._place(log_id)
        return await self._read(place, from_line=from_line, budget=budget)

    async def chunks(self, log_id: int, *, from_line: int, follow: bool) -> AsyncIterator[TextPage]:
        """Everything from *from_line* on; *follow*: until the run has ended. Raise NotFound.

        While it waits it gives an empty page now and then.
        """
        place = await self._place(log_id)
        while True:
            page = await self._read(place, from_line=from_line, budget=_CHUNK_CHARS)
            from_line = page.last_line + 1
            yield page
            if page.end or (not follow and page.last_line >= page.total_lines):
                return
            if page.last_line >= page.total_lines:
                await asyncio.sleep(_LOOK_S)
                place = await self._place(log_id)

    async def _read(self, place: _Place, *, from_line: int, budget: int) -> TextPage:
        page = await self._here(place, from_line=from_line, budget=budget)
        if page is None and self._is_elsewhere(place):
            asked = {"from_line": from_line, "budget": budget}
            return _page_of(await self._peers.page(place.address, place.id, **asked))
        if page is None and place.run is not None and place.ended:
            raise NotFound("log", f"of run {place.id}{self._why_absent(place.run)}")
        text, last, total = page or ("", from_line - 1, from_line - 1)
        return TextPage(
            text=text,
            from_line=from_line,
            last_line=last,
            total_lines=total,
            end=place.ended and last >= total,
        )

    async def _here(
        self, place: _Place, *, from_line: int, budget: int
    ) -> tuple[str, int, int] | None:
        if self._executor is None:
            return None
        where = (place.cluster, place.log_id, place.trigger_ms)
        read = self._executor.pages.page
        return await asyncio.to_thread(read, *where, from_line=from_line, budget=budget)

    def _is_elsewhere(self, place: _Place) -> bool:
        """Whether another replica is to be asked; not on behalf of one that asks us."""
        return place.address not in ("", self._ours) and acting.get().name != PEER

    @property
    def _ours(self) -> str:
        return self._executor.url() if self._executor is not None else ""

    def _why_absent(self, run: Run) -> str:
        """Why a run that has ended has no log here, as the end of a sentence."""
        if run.start_time is None and run.status is not RunState.SUCCEEDED:
            return f": it never began, it was {run.status.replace('_', ' ')}"
        if not run.executor_address:
            return " here, and nobody has noted where it ran"
        if run.executor_address != self._ours:
            return f" here: it may be kept by {run.executor_address}"
        return self._why_dropped(run)

    def _why_dropped(self, run: Run) -> str:
        handlers = self._executor.handlers if self._executor is not None else ()
        kept = {one.name: one.keep_log for one in handlers}.get(run.handler_name, KeepLog.ALWAYS)
        match kept:
            case KeepLog.NONE:
                return f": its handler [{run.handler_name}] keeps none"
            case KeepLog.ERRORS if run.status is RunState.SUCCEEDED:
                return f": its handler [{run.handler_name}] keeps none of runs that succeed"
            case _:
                return " any more: the logs of its day have been dropped"

    async def _place(self, log_id: int) -> _Place:
        live = self._live(log_id)
        if live is not None:
            return live
        return _place_of(await self._runs.get(log_id))

    def _live(self, log_id: int) -> _Place | None:
        """The place of a local run that is under way here, its lines handed to the disk."""
        if self._executor is None:
            return None
        run = self._executor.dispatcher.find(LOCAL, log_id)
        if run is None:
            return None
        run.log.flush()
        return _Place(
            id=log_id,
            cluster=LOCAL,
            log_id=log_id,
            trigger_ms=run.trigger.triggered_ms,
            address=self._executor.url(),
            ended=False,
        )


def _place_of(run: Run) -> _Place:
    return _Place(
        id=run.id,
        cluster=run.cluster,
        log_id=run.admin_log_id,
        trigger_ms=round(run.trigger_time.timestamp() * 1000),
        address=run.executor_address,
        ended=run.status.is_final,
        run=run,
    )


def _page_of(told: dict[str, Any]) -> TextPage:
    """What another replica has answered."""
    names = {"fromLine": "from_line", "lastLine": "last_line", "totalLines": "total_lines"}
    return TextPage(**{names.get(name, name): value for name, value in told.items()})
