"""This replica among the others: heard of, and looking after those that are not any more."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from executor.clock import Clock
from executor.model import Report, RunState
from scheduler.engine.ends import ended
from scheduler.engine.finals import Finals
from scheduler.engine.fires import trigger_of
from scheduler.engine.link import lent
from scheduler.engine.statements import sql
from scheduler.peers import Door
from scheduler.sections import EngineSection

_log = structlog.get_logger(__name__)
_DIED = "the replica that ran this has died, or is cut off"
_INTERRUPTED = f"{_DIED}; it was not run again"
_KILLED = f"killed; {_DIED}"
_LOOK_EVERY = timedelta(seconds=2)


class Replica:
    """One service on the database; every method raises DatabaseAway."""

    def __init__(
        self,
        replica_id: str,
        *,
        database: AsyncEngine,
        finals: Finals,
        clock: Clock,
        address: str,
        section: EngineSection,
    ) -> None:
        self.id = replica_id
        self._database = database
        self._finals = finals
        self._clock = clock
        self._address = address
        self._section = section
        self.door = Door("", "")
        self._joined = False
        self._looked: datetime | None = None

    async def beat(self) -> None:
        """Say that we are here."""
        us = self.id, self._address, *self.door
        if self._joined:
            await self._execute("heartbeat", *us, self._section.lease_seconds)
        else:
            await self._execute("join", *us)
            self._joined = True

    async def leave(self) -> None:
        """Be gone, if no run of ours is without its end."""
        await self._execute("leave", self.id)

    async def look_after_others(self, now: datetime) -> None:
        """End what dead replicas had begun, and what has waited too long; now and then."""
        if self._looked is not None and now - self._looked < _LOOK_EVERY:
            return
        self._looked = now
        grace = self._section.interrupt_after_seconds
        orphans = await self._finals.end_locked("orphans", self.id, grace, report_of=self._orphaned)
        if orphans:
            _log.warning("runs_of_dead_replicas", interrupted=len(orphans))
        await self._finals.end_locked("lapsed", report_of=self._waited)

    def _orphaned(self, row: Any) -> Report:
        if row["killed"]:
            return self._ended(row, state=RunState.KILLED, message=_KILLED)
        return self._ended(row, state=RunState.INTERRUPTED, message=_INTERRUPTED)

    def _ended(self, row: Any, *, state: RunState, message: str) -> Report:
        return ended(trigger_of(row), state, message, self._clock.now_ms())

    def _waited(self, row: Any) -> Report:
        return self._ended(row, state=RunState.DISCARDED, message=row["message"])

    async def _execute(self, name: str, *args: object) -> None:
        async with lent(self._database) as connection:
            await connection.execute(sql(name), *args)
