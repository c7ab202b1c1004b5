"""The receiver that is PostgreSQL: every change of every run, as rows of `schedule_log`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import structlog

from executor.journal import Journal
from executor.journal_writer import JournalBroken
from executor.model import Report, RunState
from executor.outbox import ReceiverUnavailable
from scheduler.engine.finals import Finals
from scheduler.engine.link import DatabaseAway
from scheduler.recorder import Recorder, RecorderUnavailable, ReportsRefused

_log = structlog.get_logger(__name__)
_BATCH = 2_000
"""Of what costs a batch, waiting for a turn of a busy loop between its statements is most."""
_NOT_WELL = {RunState.FAILED, RunState.TIMED_OUT, RunState.INTERRUPTED}


class Records:
    """Hands the recorder what the journal owes it."""

    name = "postgresql"

    def __init__(
        self,
        journal: Journal,
        recorder: Recorder,
        finals: Finals | None = None,
        *,
        alarming: Callable[[], None] = lambda: None,
    ) -> None:
        """*finals* learns what is recorded, before the journal forgets that it is owed.

        *alarming* is called when that may be an alarm.
        """
        self._journal = journal
        self._recorder = recorder
        self._finals = finals
        self._alarming = alarming

    async def deliver(self) -> bool:
        try:
            owed = await self._journal.owed_records(_BATCH)
            if owed:
                await self._record(owed)
        except (RecorderUnavailable, DatabaseAway, JournalBroken) as error:
            raise ReceiverUnavailable(str(error)) from error
        await self._journal.recorded(owed)
        return len(owed) == _BATCH

    async def _record(self, owed: Sequence[Report]) -> None:
        try:
            await self._recorder.record(owed)
        except ReportsRefused as refusal:
            self._bury(refusal)
        if any(report.state in _NOT_WELL for report in owed):
            self._alarming()
        if self._finals is not None:
            await self._finals.settle(owed)

    def _bury(self, refusal: ReportsRefused) -> None:
        """Say which: they stay readable in the executor's own log and in the Admin."""
        for report in refusal.reports:
            _log.error("report_refused", log_id=report.trigger.log_id, run_id=report.run_id)
