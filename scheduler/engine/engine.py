"""The engine of one replica: claims what is due, fires it, and looks after what others have left."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import datetime, timedelta

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from executor.clock import Clock, moment
from executor.dispatch import Dispatcher
from executor.outbox import pause_s
from scheduler.engine.finals import Finals
from scheduler.engine.fires import Fires
from scheduler.engine.firing import Firing
from scheduler.engine.link import DatabaseAway
from scheduler.engine.replica import Replica
from scheduler.sections import EngineSection

_log = structlog.get_logger(__name__)


class Engine:
    """Plans and fires local jobs, beside any number of others on the same database.

    One that is not enabled plans nothing, but answers for the runs that people begin here.
    """

    def __init__(
        self,
        database: AsyncEngine,
        *,
        replica: Replica,
        finals: Finals,
        dispatcher: Dispatcher,
        clock: Clock,
        section: EngineSection,
    ) -> None:
        self._replica = replica
        self._finals = finals
        self._clock = clock
        self._section = section
        self._ahead = timedelta(seconds=section.claim_ahead_seconds)
        self.fires = Fires(
            database,
            replica.id,
            lease_s=section.lease_seconds,
            wait_s=section.dependency_wait_seconds,
            most_retries=section.retry_workers,
            groups={group.name: group.most for group in section.groups},
        )
        self.firing = Firing(self.fires, dispatcher, clock, most=section.batch)
        self._news = asyncio.Event()
        self._stopping = False
        self._sure = False
        """What we believe to be ours is what the table says."""
        self._failures = 0
        self._loop = asyncio.get_running_loop()
        self._pressed = False
        """The last turn has not claimed all that was due."""
        self._looked_s = 0.0
        """When, by the loop, there were no more fires that are nobody's."""
        finals.news = self.wake

    def wake(self) -> None:
        """Something may have changed: look now."""
        self._news.set()

    def doubt(self) -> None:
        """A statement has been answered by nobody: what it did is to be found in the table."""
        self._sure = False
        self.wake()

    async def run(self) -> None:
        """Claim and fire until stopped; while PostgreSQL is away, wait for it."""
        while not self._stopping:
            firing = asyncio.create_task(self.firing.run())
            try:
                await self._claim_while(firing)
            except DatabaseAway as reason:
                await self._pause(str(reason))
            except Exception:  # noqa: BLE001 - no mistake may end the scheduling
                _log.exception("engine_stumbled")
                await self._pause("see the exception")
            finally:
                firing.cancel()
                await asyncio.gather(firing, return_exceptions=True)
        with contextlib.suppress(DatabaseAway):
            await self._part_with_refused()
            await self.fires.hand_back()

    def stop(self) -> None:
        """Claim and fire nothing more: `run` ends, and others take what was planned here."""
        self._stopping = True
        self.firing.stop()
        self.wake()

    async def _claim_while(self, firing: asyncio.Task[None]) -> None:
        """Take turns for as long as *firing* goes on. Raise what ends it."""
        while not self._stopping:
            self._news.clear()
            more = await self._turn()
            if firing.done():
                break
            if not more:
                await self._rest(firing)
        await firing

    async def _turn(self) -> bool:
        """Everything once; True: there is more to claim at once."""
        await self._replica.beat()
        if not self._sure:
            await self._reconcile()
        await self._part_with_refused()
        now = moment(self._clock.now_ms())
        more = self._section.enabled and await self._claim(now)
        await self._replica.look_after_others(now)
        self._succeed()
        return more

    async def _claim(self, now: datetime) -> bool:
        """Plan what is due soon; True: there is more of it."""
        most = self._section.batch
        until = now + self._ahead
        self.firing.plan(await self.fires.promote(until))
        taken = await self._take_left(until, most)
        planned, jobs = await self.fires.claim(now, self._ahead, most)
        self.firing.plan(planned)
        self._pressed = max(taken, jobs) >= most
        return self._pressed

    async def _take_left(self, until: datetime, most: int) -> int:
        """Take fires that are nobody's; how many. It looks through all that are planned."""
        if self._pressed and self._loop.time() - self._looked_s < _LOOK_EVERY_S:
            return 0
        taken = await self.fires.take(until, most)
        self._looked_s = self._loop.time() if len(taken) < most else 0.0
        self.firing.plan(taken)
        return len(taken)

    async def _reconcile(self) -> None:
        """Begin with what the table says is ours: after a start, or after a doubtful answer."""
        self._sure = True  # unless there is a new doubt meanwhile
        await self._finals.settle_recorded(self._replica.id)
        if self._section.enabled:
            self.firing.plan(await self.fires.ours())
        else:
            await self.fires.hand_back()
        self.firing.set_off(await self.fires.fired())

    async def _part_with_refused(self) -> None:
        """What the executor did not take: others' from now on, or at its end."""
        unwanted, reports = list(self.firing.unwanted), list(self.firing.refused)
        if unwanted:
            await self.fires.hand_back(unwanted)
            del self.firing.unwanted[: len(unwanted)]
        if reports:
            await self._finals.end(reports)
            del self.firing.refused[: len(reports)]

    async def _rest(self, firing: asyncio.Task[None]) -> None:
        news = asyncio.ensure_future(self._news.wait())
        await asyncio.wait((news, firing), timeout=_POLL_S, return_when=asyncio.FIRST_COMPLETED)
        news.cancel()

    async def _pause(self, reason: str) -> None:
        self._sure = False
        self._failures += 1
        if self._failures == 1:
            _log.warning("engine_waits", reason=reason)
        if not self._stopping:
            await asyncio.sleep(min(pause_s(self._failures), _LONGEST_PAUSE_S))

    def _succeed(self) -> None:
        if self._failures:
            self._failures = 0
            _log.info("engine_works_again")


_POLL_S = 1.0
_LOOK_EVERY_S = 1.0
_LONGEST_PAUSE_S = 3.0
