"""Runs that people ask for: those of the same moment are written down in one statement."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncEngine

from executor.errors import TriggerRejected
from executor.handler_table import HandlerTable
from executor.model import Trigger
from scheduler.audit import Actor
from scheduler.engine.fires import trigger_of
from scheduler.engine.link import lent
from scheduler.engine.statements import sql
from scheduler.refusal import NotHere
from scheduler.together import Together


class Wish(NamedTuple):
    """Somebody wants a job to run now; without parameters: with the job's own."""

    job_id: int
    at: datetime
    params: str | None
    actor: Actor


class Manual:
    """Fires that are nobody's plan, written as *owner* has fired them by its *handlers*.

    *unfit* says why it would run nothing now: nothing is written down then.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        owner: str,
        handlers: HandlerTable,
        *,
        unfit: Callable[[], TriggerRejected | None],
    ) -> None:
        self._engine = engine
        self._owner = owner
        self._handlers = handlers
        self._unfit = unfit
        self._together = Together(self._fire_all)

    async def fire(self, wish: Wish) -> Trigger | None:
        """The trigger, written down and audited; None: there is no such local job.

        Raises DatabaseAway, and HandlerNotFound and NotHere: nothing is written down then.
        """
        trigger, unfit = await self._together.ask(wish)
        if trigger is None:
            return None
        self._handlers.find(trigger.handler)
        if unfit is not None:
            raise NotHere(str(unfit))
        return trigger

    async def _fire_all(
        self, wishes: Sequence[Wish]
    ) -> list[tuple[Trigger | None, TriggerRejected | None]]:
        unfit = self._unfit()
        jobs, times, params, actors = zip(*wishes, strict=True)
        told = zip(*((actor.name, actor.role, actor.address) for actor in actors), strict=True)
        ours = self._owner, [] if unfit else [handler.name for handler in self._handlers]
        async with lent(self._engine) as connection:
            rows = await connection.fetch(sql("execute"), jobs, times, params, *told, *ours)
        triggers = {row["place"]: trigger_of(row) for row in rows}
        return [(triggers.get(place), unfit) for place in range(1, len(wishes) + 1)]
