"""Fires what is planned when its moment has come, and hands it to the executor."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence

from executor.clock import Clock
from executor.dispatch import Dispatcher
from executor.errors import DiscardedByBlock, ShuttingDown, TriggerRejected
from executor.model import Report, Trigger
from scheduler.engine.ends import refused
from scheduler.engine.fires import Fires, Timed
from scheduler.engine.timer import Timer

_LONGEST_SLEEP_S = 60.0


class Firing:
    """The timer of one replica and what it sets off."""

    def __init__(self, fires: Fires, dispatcher: Dispatcher, clock: Clock, *, most: int) -> None:
        """*most*: fires a statement."""
        self._fires = fires
        self._dispatcher = dispatcher
        self._clock = clock
        self._most = most
        self._timer = Timer()
        self._earlier = asyncio.Event()
        self._stopping = False
        self.refused: list[Report] = []
        """Ends that are still to be recorded."""

    def __len__(self) -> int:
        """How many are planned here."""
        return len(self._timer)

    def plan(self, fires: Sequence[Timed]) -> None:
        """Fire these when they are due."""
        if fires:
            self._timer.add(fires)
            self._earlier.set()

    def stop(self) -> None:
        """Begin nothing new; what is under way is finished."""
        self._stopping = True
        self._earlier.set()

    async def run(self) -> None:
        """Fire until stopped. Raise DatabaseAway: what was under way is uncertain then."""
        while not self._stopping:
            due = self._timer.pop_due(self._clock.now_ms(), self._most)
            if due:
                await self.offer(await self._fires.mark_fired(due))
            else:
                await self._sleep()

    async def offer(self, triggers: Sequence[Trigger]) -> None:
        """Have these fired ones run; one that was offered before gets its first answer."""
        answers = await asyncio.gather(*map(self._accept, triggers))
        unwanted = [answer for answer in answers if isinstance(answer, int)]
        self.refused += [answer for answer in answers if isinstance(answer, Report)]
        if unwanted:
            await self._fires.hand_back(unwanted)

    async def _accept(self, trigger: Trigger) -> int | Report | None:
        """None when all is said; the id when another replica may do it; else how it ended."""
        try:
            await self._dispatcher.accept(trigger)
        except ShuttingDown:
            return trigger.log_id
        except DiscardedByBlock:
            return None  # the journal reports it
        except TriggerRejected as refusal:
            return refused(trigger, refusal, self._clock.now_ms())
        return None

    async def _sleep(self) -> None:
        """Until the next one is due, or an earlier one has come."""
        self._earlier.clear()
        following = self._timer.next_ms()
        ahead = _LONGEST_SLEEP_S * 1000 if following is None else following - self._clock.now_ms()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(min(ahead / 1000, _LONGEST_SLEEP_S)):
                await self._earlier.wait()
