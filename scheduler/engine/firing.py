"""Fires what is planned when its moment has come, and hands it to the executor."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable, Sequence
from datetime import timedelta
from functools import partial

from executor.clock import Clock, moment
from executor.dispatch import Dispatcher
from executor.errors import DiscardedByBlock, ShuttingDown, TriggerRejected
from executor.model import Report, Trigger
from scheduler.engine.ends import refused
from scheduler.engine.fires import Fires
from scheduler.engine.timer import Timed, Timer

_LONGEST_SLEEP_S = 60.0
_HELD_MS = 250
_MOST = 250
"""More at a time gain nothing, and all else on the loop, recording above all, would wait for them."""
_LEAD_MS = 100
"""How long before its moment a fire is marked as fired: PostgreSQL's answer costs no lateness."""


class Firing:
    """The timer of one replica and what it sets off."""

    def __init__(self, fires: Fires, dispatcher: Dispatcher, clock: Clock, *, most: int) -> None:
        """*most*: fires a statement, and on their way to the executor."""
        self._fires = fires
        self._dispatcher = dispatcher
        self._clock = clock
        self._most = min(most, _MOST)
        self._missed_ms = fires.missed_after // timedelta(milliseconds=1)
        self._timer = Timer()
        self._news = asyncio.Event()
        self._stopping = False
        self._marked: dict[int, Trigger] = {}
        self._unanswered = 0
        self._loop = asyncio.get_running_loop()
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
            self._news.set()

    def stop(self) -> None:
        """Begin nothing new; what is under way is finished."""
        self._stopping = True
        self._news.set()

    async def run(self) -> None:
        """Fire until stopped. Raise DatabaseAway: what was under way is uncertain then."""
        while not self._stopping:
            if due := await self._next_due():
                triggers, held = await self._fires.mark_fired(due)
                self.set_off(triggers)
                self._hold(held)
            else:
                await self._sleep()
        while self._under_way:
            self._news.clear()
            await self._news.wait()

    @property
    def _under_way(self) -> bool:
        return bool(self._marked or self._unanswered)

    @property
    def _crowded(self) -> bool:
        """The executor is slower than we: what is due may be others' meanwhile.

        While it takes one batch, the next one is marked.
        """
        return self._unanswered >= 2 * self._most

    async def _next_due(self) -> list[int]:
        """What is to be fired now; of late fires misfire policies may have dropped some."""
        if self._crowded:
            return []
        now_ms = self._clock.now_ms()
        if late := self._timer.pop_due(now_ms - self._missed_ms, self._most):
            await self._fires.drop_missed(late, moment(now_ms))
            return late
        return self._timer.pop_due(now_ms + _LEAD_MS, self._most)

    def drop(self, log_id: int) -> Trigger | None:
        """Take back what is marked as fired, in the moment before it runs; None: it is not."""
        return self._marked.pop(log_id, None)

    def _hold(self, ids: Sequence[int]) -> None:
        """Ask for these again in a moment: others of their groups are under way."""
        if ids:
            again_ms = self._clock.now_ms() + _HELD_MS + _LEAD_MS
            self._timer.add((one, again_ms) for one in ids)

    def set_off(self, triggers: Iterable[Trigger]) -> None:
        """Have these fired ones run at their moments, or now.

        One that was set off before gets its first answer.
        """
        moments: dict[int, list[int]] = {}
        for trigger in triggers:
            if trigger.log_id not in self._marked:
                self._marked[trigger.log_id] = trigger
                moments.setdefault(trigger.triggered_ms, []).append(trigger.log_id)
        now_ms = self._clock.now_ms()
        for moment_ms, ids in moments.items():
            if moment_ms > now_ms:
                self._loop.call_later((moment_ms - now_ms) / 1000, self._offer, ids)
            else:
                self._offer(ids)

    def _offer(self, ids: Sequence[int]) -> None:
        for log_id in ids:
            trigger = self._marked.pop(log_id, None)
            if trigger is not None:
                self._unanswered += 1
                self._dispatcher.submit(trigger, partial(self._answered, trigger))
        self._news.set()

    def _answered(self, trigger: Trigger, refusal: TriggerRejected | None) -> None:
        if self._crowded or self._stopping:
            self._news.set()
        self._unanswered -= 1
        if isinstance(refusal, ShuttingDown):
            self.unwanted.append(trigger.log_id)
        elif refusal is not None and not isinstance(refusal, DiscardedByBlock):
            self.refused.append(refused(trigger, refusal, self._clock.now_ms()))

    async def _sleep(self) -> None:
        """Until the next one is due, or there is news."""
        self._news.clear()
        following = self._timer.next_ms()
        ahead_s = _LONGEST_SLEEP_S
        if following is not None and not self._crowded:
            ahead_s = (following - _LEAD_MS - self._clock.now_ms()) / 1000
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(min(ahead_s, _LONGEST_SLEEP_S)):
                await self._news.wait()
