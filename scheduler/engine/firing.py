"""Fires what is planned when its moment has come, and hands it to the executor."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable, Sequence

from executor.clock import Clock, moment
from executor.dispatch import Dispatcher
from executor.errors import DiscardedByBlock, ShuttingDown, TriggerRejected
from executor.model import Report, Trigger
from scheduler.engine.ends import refused
from scheduler.engine.fires import Fires, Timed
from scheduler.engine.timer import Timer

_LONGEST_SLEEP_S = 60.0
_HELD_MS = 250
_LEAD_MS = 100
"""How long before its moment a fire is marked as fired: PostgreSQL's answer costs no lateness."""


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
        self._marked: dict[int, Trigger] = {}
        self._offers: set[asyncio.Task[None]] = set()
        self.refused: list[Report] = []
        """Ends that are still to be recorded."""
        self.unwanted: list[int] = []
        """Fired ones that other replicas are to run."""

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
            due = self._timer.pop_due(self._clock.now_ms() + _LEAD_MS, self._most)
            if due:
                triggers, held = await self._fires.mark_fired(due)
                self.set_off(triggers)
                self._hold(held)
            else:
                await self._sleep()
        await asyncio.gather(*self._offers)

    def drop(self, log_id: int) -> Trigger | None:
        """Take back what is marked as fired, in the moment before it runs; None: it is not."""
        return self._marked.pop(log_id, None)

    def _hold(self, ids: Sequence[int]) -> None:
        """Ask for these again in a moment: others of their groups are under way."""
        if ids:
            again = moment(self._clock.now_ms() + _HELD_MS + _LEAD_MS)
            self._timer.add((one, again) for one in ids)

    def set_off(self, triggers: Iterable[Trigger]) -> None:
        """Have these fired ones run at their moments, or now.

        One that was set off before gets its first answer.
        """
        moments: dict[int, list[int]] = {}
        for trigger in triggers:
            if trigger.log_id not in self._marked:
                self._marked[trigger.log_id] = trigger
                moments.setdefault(trigger.triggered_ms, []).append(trigger.log_id)
        for moment_ms, ids in moments.items():
            task = asyncio.create_task(self._offer(moment_ms, ids))
            self._offers.add(task)
            task.add_done_callback(self._offers.discard)

    async def _offer(self, moment_ms: int, ids: Sequence[int]) -> None:
        ahead_ms = moment_ms - self._clock.now_ms()
        if ahead_ms > 0:
            await asyncio.sleep(ahead_ms / 1000)
        marked = [self._marked.pop(log_id, None) for log_id in ids]
        answers = await asyncio.gather(
            *(self._accept(trigger) for trigger in marked if trigger is not None)
        )
        self.unwanted += [answer for answer in answers if isinstance(answer, int)]
        self.refused += [answer for answer in answers if isinstance(answer, Report)]

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
        ahead_s = _LONGEST_SLEEP_S
        if following is not None:
            ahead_s = (following - _LEAD_MS - self._clock.now_ms()) / 1000
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(min(ahead_s, _LONGEST_SLEEP_S)):
                await self._earlier.wait()
