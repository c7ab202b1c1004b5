"""The ends of local runs: each has its consequences once, however often it is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from random import random
from typing import Any

import asyncpg
import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from executor.clock import moment
from executor.errors import DiscardedByBlock
from executor.model import LOCAL, Report, RunState, Source
from scheduler.engine.claim import resumed
from scheduler.engine.consequences import Consequences, consequences, missed_times
from scheduler.engine.link import DatabaseAway, lent
from scheduler.engine.statements import sql
from scheduler.recorder import Recorder, RecorderUnavailable, ReportsRefused

_log = structlog.get_logger(__name__)
_End = tuple[int, str, int]
"""Log id, final state, when in epoch milliseconds."""
_NONE: Mapping[int, str] = {}


class Finals:
    """Settles ends in PostgreSQL; the row of a fire, which only one can delete, is the token.

    *wait_s*: how long a job that is fired by others' success waits for the rest of them.
    """

    def __init__(self, engine: AsyncEngine, recorder: Recorder, *, wait_s: int) -> None:
        self._engine = engine
        self._recorder = recorder
        self._wait_s = wait_s
        self.news: Callable[[], None] = lambda: None
        """Called when something new may be planned."""

    async def settle(self, reports: Sequence[Report]) -> None:
        """Settle the final ones of *reports* that are local. Raise DatabaseAway."""
        await self._settle(reports, _NONE)

    async def _settle(self, reports: Sequence[Report], refusals: Mapping[int, str]) -> None:
        ends = [_end_of(report) for report in reports if _is_local_end(report)]
        if not ends:
            return
        async with lent(self._engine) as connection, connection.transaction():
            followed = await self._settle_on(connection, ends, refusals)
        if followed or any(report.trigger.source is Source.RETRY for report in reports):
            self.news()  # what follows may be planned; there is room for another attempt

    async def end(self, reports: Sequence[Report]) -> None:
        """Record and settle runs that never came to an executor. Raise DatabaseAway.

        Due times that a full lane has refused are news for the alarms.
        """
        await self._record(reports)
        discarded = (one for one in reports if one.state is RunState.DISCARDED)
        await self._settle(reports, {one.trigger.log_id: one.message for one in discarded})

    async def end_locked(
        self, statement: str, *args: object, report_of: Callable[[Any], Report]
    ) -> list[Report]:
        """End the fires that *statement* locks as *report_of* says, unless they had ended already.

        Returns those reports. Raises DatabaseAway.
        """
        async with lent(self._engine) as connection, connection.transaction():
            reports = [report_of(row) for row in await connection.fetch(sql(statement), *args)]
            if reports:
                await self._record(reports)
                await self._settle_rows(connection, await _as_recorded(connection, reports))
        if reports:
            self.news()
        return reports

    async def settle_recorded(self, owner: str) -> None:
        """Settle what *owner*, or nobody any more, has fired and the record knows the end of.

        So no run is begun again whose end is known, whatever a journal has forgotten. Raises
        DatabaseAway.
        """
        async with lent(self._engine) as connection, connection.transaction():
            rows = await connection.fetch(sql("recorded_of"), owner)
            await self._settle_rows(connection, rows)

    async def _record(self, reports: Sequence[Report]) -> None:
        try:
            await self._recorder.record(reports)
        except RecorderUnavailable as error:
            raise DatabaseAway(str(error)) from error
        except ReportsRefused as refusal:
            _log.error("ends_refused", log_ids=[one.trigger.log_id for one in refusal.reports])

    async def _settle_rows(self, connection: asyncpg.Connection, rows: Sequence[Any]) -> None:
        """Settle ends as the record has them, with their messages."""
        refusals = {row["id"]: row["result_message"] for row in rows if _is_refused(row)}
        await self._settle_on(connection, [tuple(row)[:3] for row in rows], refusals)

    async def _settle_on(
        self, connection: asyncpg.Connection, ends: Sequence[_End], refusals: Mapping[int, str]
    ) -> bool:
        if not ends:
            return False
        await connection.execute(sql("lock_ending"), [log_id for log_id, *_ in ends])
        rows = await connection.fetch(sql("settle"), *zip(*ends, strict=True))
        if rows:
            await self._follow(connection, consequences(rows, random))
        if missed := missed_times(rows, refusals):
            await connection.execute(sql("note_lost"), *zip(*missed, strict=True))
        return bool(rows)

    async def _follow(self, connection: asyncpg.Connection, found: Consequences) -> None:
        if found.retries:
            await connection.execute(sql("plan_retries"), *zip(*found.retries, strict=True))
        if found.successes:
            columns = zip(*found.successes, strict=True)
            await connection.execute(sql("note_success"), *columns, self._wait_s)
        if found.rested:
            await self._resume(connection, found.rested)
        if found.cut:
            await connection.execute(sql("note_ended"), *zip(*found.cut, strict=True))
        if found.done:
            await connection.execute(sql("retire"), *zip(*found.done, strict=True))

    async def _resume(self, connection: asyncpg.Connection, ends: Mapping[int, datetime]) -> None:
        """Count the intervals of jobs from the *ends* of their runs."""
        rows = await connection.fetch(sql("rested"), list(ends))
        if rows:
            await connection.execute(sql("resume"), *zip(*resumed(rows, ends), strict=True))


async def _as_recorded(connection: asyncpg.Connection, reports: Sequence[Report]) -> Sequence[Any]:
    """How the runs ended by the record, which may have known better."""
    ids = [report.trigger.log_id for report in reports]
    times = [moment(report.trigger.triggered_ms) for report in reports]
    rows: Sequence[Any] = await connection.fetch(sql("ends_of"), ids, times)
    return rows


def _is_local_end(report: Report) -> bool:
    return report.state.is_final and report.trigger.cluster == LOCAL


def _is_refused(row: Any) -> bool:
    """Whether a full lane has refused a run, by its record; a block strategy is no loss."""
    by_block = row["result_message"] == str(DiscardedByBlock())
    return row["status"] == RunState.DISCARDED and not by_block


def _end_of(report: Report) -> _End:
    ended_ms = report.ended_ms if report.ended_ms is not None else report.accepted_ms
    return report.trigger.log_id, report.state.value, ended_ms
