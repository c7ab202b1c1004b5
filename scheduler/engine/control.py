"""What people do with runs: begin one now, stop one wherever it runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from executor.clock import Clock, moment
from executor.dispatch import Dispatcher
from executor.errors import DiscardedByBlock, TriggerRejected
from executor.handler_table import HandlerTable
from executor.model import LOCAL, Report, RunState, Trigger
from scheduler.audit import acting
from scheduler.changes import CHANNEL
from scheduler.engine.ends import ended, refused
from scheduler.engine.finals import Finals
from scheduler.engine.fires import trigger_of
from scheduler.engine.firing import Firing
from scheduler.engine.link import DatabaseAway, lent
from scheduler.engine.manual import Manual, Wish
from scheduler.engine.statements import sql
from scheduler.refusal import Conflict, NotHere, Refused

_KILLED = "killed before it was fired"


class RunControl:
    """Runs of local jobs, for the REST API."""

    def __init__(
        self,
        database: AsyncEngine,
        *,
        owner: str,
        firing: Firing,
        finals: Finals,
        dispatcher: Dispatcher,
        handlers: HandlerTable,
        clock: Clock,
        doubt: Callable[[], None],
    ) -> None:
        """*doubt* is told that a fire may stand in the table of which nobody here knows."""
        self._database = database
        self._owner = owner
        self._manual = Manual(database, owner, handlers, unfit=lambda: dispatcher.unfit)
        self._firing = firing
        self._finals = finals
        self._dispatcher = dispatcher
        self._clock = clock
        self._doubt = doubt
        self._under_way: set[asyncio.Task[Any]] = set()

    async def execute(self, job_id: int, params: str | None = None) -> int | None:
        """Run a job now, whatever its status; the log id, once the run is remembered.

        None: there is no such local job. Raises Conflict with the reason when it will not run
        (that is recorded too, unless its handler is not here), NotHere, and DatabaseAway.
        """
        task = asyncio.create_task(self._execute(job_id, params))
        self._hold(task)
        outcome = await asyncio.shield(task)  # a caller who hangs up does not leave half a run
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def _hold(self, task: asyncio.Task[Any]) -> None:
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _execute(
        self, job_id: int, params: str | None
    ) -> int | Refused | DatabaseAway | None:
        """As `execute`, but what it raises is given back: perhaps nobody is left to catch it."""
        wish = Wish(job_id, moment(self._clock.now_ms()), params, acting.get())
        try:
            trigger = await self._manual.fire(wish)
            if trigger is not None:
                await self._accept(trigger)
        except TriggerRejected as refusal:
            return Conflict(str(refusal))
        except NotHere as refusal:
            return refusal
        except DatabaseAway as reason:
            self._doubt()
            return reason
        return trigger.log_id if trigger is not None else None

    async def _accept(self, trigger: Trigger) -> None:
        """Hand it to the executor. Raise TriggerRejected, which is on record then."""
        try:
            await self._dispatcher.accept(trigger)
        except DiscardedByBlock:
            raise  # the executor has it on record, and reports it as any end
        except TriggerRejected as refusal:
            await self._finals.end([refused(trigger, refusal, self._clock.now_ms())])
            raise

    async def kill(self, log_id: int) -> bool:
        """Stop a run, planned, queued or running, on whatever replica; False: there is none.

        Raises DatabaseAway.
        """
        if self._dispatcher.kill_run(LOCAL, log_id) or await self._drop(log_id):
            return True
        if await self._finals.end_locked("planned_fire", log_id, report_of=self._killed):
            return True
        async with lent(self._database) as connection:
            return bool(await connection.fetchval(sql("ask_to_kill"), log_id, CHANNEL))

    def kill_here(self, log_id: int | None) -> None:
        """Somebody has asked for it at another replica; None: perhaps, while nobody listened."""
        if log_id is None:
            self._hold(asyncio.create_task(self._kill_noted()))
            return
        if self._dispatcher.kill_run(LOCAL, log_id):
            return
        trigger = self._firing.drop(log_id)
        if trigger is not None:
            self._firing.refused.append(self._killed_before(trigger))

    async def _kill_noted(self) -> None:
        with suppress(DatabaseAway):  # then the listener has lost it, too, and asks again
            async with lent(self._database) as connection:
                rows = await connection.fetch(sql("killed_of"), self._owner)
            for (log_id,) in rows:
                self.kill_here(log_id)

    async def _drop(self, log_id: int) -> bool:
        """Kill a run in the moment between its marking and its beginning."""
        trigger = self._firing.drop(log_id)
        if trigger is None:
            return False
        try:
            await self._finals.end([self._killed_before(trigger)])
        except BaseException:
            self._doubt()  # nobody here knows of it any more
            raise
        return True

    def _killed(self, row: Any) -> Report:
        return self._killed_before(trigger_of(row))

    def _killed_before(self, trigger: Trigger) -> Report:
        return ended(trigger, RunState.KILLED, _KILLED, self._clock.now_ms())
