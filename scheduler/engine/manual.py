"""Runs that people ask for: those of the same moment are written down in one statement."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncEngine

from executor.handler_table import HandlerTable
from executor.model import Trigger
from scheduler.audit import Actor
from scheduler.engine.fires import trigger_of
from scheduler.engine.link import lent
from scheduler.engine.statements import sql
from scheduler.together import Together


class Wish(NamedTuple):
    """Somebody wants a job to run now; without parameters: with the job's own."""

    job_id: int
    at: datetime
    params: str | None
    actor: Actor


class Manual:
    """Fires that are nobody's plan, written as *owner* has fired them by its *handlers*."""

    def __init__(self, engine: AsyncEngine, owner: str, handlers: HandlerTable) -> None:
        self._engine = engine
        self._owner = owner
        self._handlers = handlers
        self._together = Together(self._fire_all)

    async def fire(self, wish: Wish) -> Trigger | None:
        """The trigger, written down and audited; None: there is no such local job.

        Raises DatabaseAway, and HandlerNotFound: nothing is written down then.
        """
        trigger = await self._together.ask(wish)
        if trigger is not None:
            self._handlers.find(trigger.handler)
        return trigger

    async def _fire_all(self, wishes: Sequence[Wish]) -> list[Trigger | None]:
        jobs, times, params, actors = zip(*wishes, strict=True)
        told = zip(*((actor.name, actor.role, actor.address) for actor in actors), strict=True)
        ours = self._owner, [handler.name for handler in self._handlers]
        async with lent(self._engine) as connection:
            rows = await connection.fetch(sql("execute"), jobs, times, params, *told, *ours)
        triggers = {row["place"]: trigger_of(row) for row in rows}
        return [triggers.get(place) for place in range(1, len(wishes) + 1)]
