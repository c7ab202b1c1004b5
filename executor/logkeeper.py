"""Looks after the logs of runs that are on disk: drops old days, and tells of lines that were lost."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import structlog

from executor.clock import Clock, moment
from executor.journal import Journal
from executor.journal_writer import JournalBroken
from executor.logstore import LogWriter

_log = structlog.get_logger(__name__)

_DROP_S = 3600.0
_LOOK_S = 60.0


class LogKeeper:
    """Keeps the logs of *keep_days* days, which may be changed, and loses nothing silently."""

    def __init__(
        self, journal: Journal, writer: LogWriter, *, clock: Clock, keep_days: int
    ) -> None:
        self.keep_days = keep_days
        self._journal = journal
        self._writer = writer
        self._clock = clock
        self._told = 0

    async def drop_old(self) -> None:
        """Drop what has become old, every hour until cancelled."""
        while True:
            await self.drop()
            await asyncio.sleep(_DROP_S)

    async def drop(self) -> None:
        """Delete the logs of old days; what cannot be deleted now is told, and tried next time."""
        today = moment(self._clock.now_ms()).date()
        try:
            gone = await self._journal.drop_logs_before(today - timedelta(days=self.keep_days))
        except JournalBroken as error:
            _log.warning("logs_not_dropped", reason=str(error))
            return
        for day in gone:
            _log.info("logs_dropped", day=day.isoformat())
        for day, reason in self._writer.undeleted.items():
            _log.warning("logs_not_dropped", day=day.isoformat(), reason=reason)

    async def watch_losses(self) -> None:
        """Tell of lines that the disk did not take, once a minute at most, until cancelled."""
        while True:
            self.tell_losses()
            await asyncio.sleep(_LOOK_S)

    def tell_losses(self) -> None:
        """Tell how many lines were lost since the last time, if there were any."""
        lost = self._writer.lost_lines
        if lost > self._told:
            _log.error("log_lines_lost", lines=lost - self._told, reason=self._writer.failure)
            self._told = lost
