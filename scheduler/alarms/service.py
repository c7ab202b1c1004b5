"""The alarms of one replica: its own intake, and, while it leads, the looks for all."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta

import asyncpg
import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from executor.background import wait_for
from executor.model import Trigger
from executor.outbox import pause_s
from executor.run_alarm import RunAlarm
from scheduler.alarm_settings import AlarmsSection
from scheduler.alarms.deadman import Deadman
from scheduler.alarms.events import Judge
from scheduler.alarms.faults import is_of_statement, is_of_value
from scheduler.alarms.in_force import InForce
from scheduler.alarms.intake import Said, take_events
from scheduler.alarms.routing import People, Router
from scheduler.alarms.rulebook import Rulebook
from scheduler.alarms.scans import Look, Scans, escalate
from scheduler.alarms.statements import sql
from scheduler.alarms.store import Keeper
from scheduler.engine.link import DatabaseAway, lent

_log = structlog.get_logger(__name__)
_TURN_S = 1.0
_PACE_S = 0.05
"""Between two takings: what happens at once is judged at once."""
_BATCH = 500
_LEASE = "alarms"
_LEASE_S = 5
"""After so long another replica leads in place of a dead one."""
_SELDOM_S = 5.0
_STEADY = timedelta(seconds=5)
"""Who has led for less, or was cut off, does not judge what is absent."""
_LONGEST_PAUSE_S = 3.0


class Alarms:
    """Finds problems and keeps them, with what is owed to people; sending is others'."""

    def __init__(
        self,
        database: AsyncEngine,
        force: InForce,
        *,
        owner: str,
        zone: str,
        people: People,
        ready: asyncio.Event,
    ) -> None:
        """*owner* is this replica, *zone* the service's; *ready*: the schema is there."""
        self._database = database
        self._force = force
        self._owner = owner
        self._people = people
        self._ready = ready
        self.rulebook = Rulebook(force, zone)
        self._scans = Scans(self._section, zone)
        self._said = Said()
        self._deadman = Deadman("", every_s=0)
        self._news = asyncio.Event()
        self._most = _BATCH
        self._seldom_at = float("-inf")
        self._dropped_at = float("-inf")
        self._sick: set[str] = set()
        """Looks that failed the last time."""

    @property
    def _section(self) -> AlarmsSection:
        return self._force.now.section

    def start(self, watch: Callable[[asyncio.Task[None]], None]) -> None:
        """Begin once the schema is there; *watch* is told when it has ended."""
        self._task = asyncio.create_task(self._run())
        self._task.add_done_callback(watch)

    async def stop(self) -> None:
        """Take in what has just happened, and let others lead."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self._deadman.stop()
        if not self._ready.is_set():
            return
        try:
            async with asyncio.timeout(_LEASE_S):
                await self._leave()
        except (DatabaseAway, TimeoutError):
            pass
        except Exception:  # noqa: BLE001 - others are still to be stopped
            _log.exception("alarms_stumbled")

    def wake(self) -> None:
        """Something has happened: look now."""
        self._news.set()

    def hear(self, trigger: Trigger, alarm: RunAlarm) -> None:
        """Take what a handler has said."""
        if self._section.enabled:
            self._said.hear(trigger, alarm)
            self.wake()

    async def _run(self) -> None:
        await self._ready.wait()
        failures = 0
        while True:
            self._news.clear()
            try:
                await self._turn()
                failures = 0
            except DatabaseAway as reason:
                failures += 1
                if failures == 1:
                    _log.warning("alarms_wait", reason=str(reason))
            except Exception:  # noqa: BLE001 - no mistake may end the watch
                failures += 1
                _log.exception("alarms_stumbled")
            await self._rest(failures)

    async def _rest(self, failures: int) -> None:
        if failures:
            await asyncio.sleep(min(pause_s(failures), _LONGEST_PAUSE_S))
            return
        await asyncio.sleep(_PACE_S)
        await wait_for(self._news, _TURN_S)

    async def _turn(self) -> None:
        if not self._section.enabled:
            await self._drop_old()
            return
        async with lent(self._database) as connection:
            keeper = await self._keeper(connection)
            await self._take_in(connection, keeper)
            steady = await self._lead(connection)
            if steady is not None:
                await self._look(connection, keeper, steady=steady >= _STEADY)

    async def _keeper(self, connection: asyncpg.Connection) -> Keeper:
        section = self._section
        self._scans.go_by(section)
        self._deadman.go_by(section.deadman_url.get_secret_value(), section.deadman_seconds)
        rules = self._scans.rules = await self.rulebook.refresh(connection)
        router = Router(
            rules=rules,
            people=self._people,
            wait=timedelta(seconds=section.wait_seconds),
            window=timedelta(seconds=section.window_seconds),
        )
        return Keeper(router, storm_s=section.storm_seconds)

    async def _take_in(self, connection: asyncpg.Connection, keeper: Keeper) -> None:
        if len(self._said):
            await self._tell(connection, keeper)
        judge = Judge(keeper.router.rules, timedelta(seconds=self._section.late_seconds))
        while True:
            try:
                taken = await take_events(connection, keeper, judge, self._most)
            except Exception as error:
                if not is_of_value(error):
                    raise
                await self._part_with(connection, error)
                continue
            if taken < self._most:
                break
        self._most = _BATCH

    async def _tell(self, connection: asyncpg.Connection, keeper: Keeper) -> None:
        """Keep what handlers have said; what fails is left to the reports of the runs."""
        try:
            await self._said.tell(connection, keeper)
        except Exception as error:
            if not is_of_value(error):
                raise
            _log.exception("alarms_untold", count=self._said.drop())

    async def _part_with(self, connection: asyncpg.Connection, error: Exception) -> None:
        """An event cannot be kept as an alarm: find it, say so, and go on without it."""
        if self._most == 1:
            refused = await connection.fetchrow(sql("drop_oldest"))
            _log.error("alarm_refused", about=dict(refused or {}), reason=str(error))
        self._most = 1

    async def _lead(self, connection: asyncpg.Connection) -> timedelta | None:
        """For how long this replica has led; None: another one does."""
        row = await connection.fetchrow(sql("lease"), _LEASE, self._owner, _LEASE_S)
        return row["now"] - row["since"] if row else None

    async def _look(self, connection: asyncpg.Connection, keeper: Keeper, *, steady: bool) -> None:
        looks = list(self._scans.often)
        now = time.monotonic()
        if steady and now - self._seldom_at >= _SELDOM_S:
            self._seldom_at = now
            looks += self._scans.seldom
        for look in looks:
            await self._guarded(look.__name__, _kept(connection, keeper, look))
        await self._guarded("escalate", _escalated(connection, keeper))
        if steady and not self._sick and not self._scans.overdue_seen:
            self._deadman.all_is_well()

    async def _guarded(self, name: str, look: Awaitable[None]) -> None:
        """A look that is at fault itself keeps no other from being taken."""
        try:
            await look
        except Exception as error:
            if not is_of_statement(error):
                raise
            if name not in self._sick:
                _log.error("alarm_look_failed", look=name, reason=str(error))
            self._sick.add(name)
        else:
            self._sick.discard(name)

    async def _drop_old(self) -> None:
        now = time.monotonic()
        if now - self._dropped_at >= 60:
            self._dropped_at = now
            async with lent(self._database) as connection:
                await connection.execute(sql("drop_events"))

    async def _leave(self) -> None:
        async with lent(self._database) as connection:
            await connection.execute(sql("unlease"), _LEASE, self._owner)
            if self._section.enabled:
                await self._take_in(connection, await self._keeper(connection))


async def _kept(connection: asyncpg.Connection, keeper: Keeper, look: Look) -> None:
    async with connection.transaction():
        await keeper.keep(connection, await look(connection))


async def _escalated(connection: asyncpg.Connection, keeper: Keeper) -> None:
    async with connection.transaction():
        await escalate(connection, keeper)
