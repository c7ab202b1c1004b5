"""Sends what is owed to people: claims it, writes it, sends it, and keeps what came of that."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import asyncpg
import structlog
from sqlalchemy.ext.asyncio import AsyncEngine
from tenacity import RetryCallState, Retrying
from tenacity.wait import wait_exponential, wait_random

from executor.background import wait_for
from executor.outbox import pause_s
from scheduler.alarms.delivery import ledger
from scheduler.alarms.delivery.channel import Channel, Channels
from scheduler.alarms.delivery.desk import Desk, split_off
from scheduler.alarms.delivery.ledger import Claimed, Ended
from scheduler.alarms.delivery.letter import Letter, Outcome, SendFailed
from scheduler.alarms.delivery.places import Places
from scheduler.engine.link import DatabaseAway, lent
from scheduler.pools import Load

if TYPE_CHECKING:
    from scheduler.alarms.in_force import InForce

_log = structlog.get_logger(__name__)
_LOOK_EVERY_S = 1.0
_BRIEF_S = 0.02
"""The least between two looks: what is owed at once is claimed at once."""
_LEASE_MARGIN_S = 30.0
"""Beyond the time that sending may take: for writing it, and for keeping what came of it."""
_BEGIN_WITHIN_S = 20.0
"""After its claim a message is sent, or left to who claims it next: its lease must last."""
_STOP_S = 5.0
_LONGEST_PAUSE_S = 3.0


class Outbox:
    """One replica's part in sending; several share the work, each message is one's at a time."""

    def __init__(
        self,
        database: AsyncEngine,
        force: InForce,
        *,
        owner: str,
        workers: int,
        desk: Desk,
        channels: Channels,
        load: Load,
        ready: asyncio.Event,
    ) -> None:
        """*load* is kept up to date, for the monitor; *ready*: the schema is there."""
        self._database = database
        self._force = force
        self._owner = owner
        self._desk = desk
        self._channels = channels
        self._load = load
        self._ready = ready
        self._places = Places(workers)
        self._sending: dict[asyncio.Task[None], int] = {}
        """With the id of its message."""
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self, watch: Callable[[asyncio.Task[None]], None]) -> None:
        """Begin once the schema is there; *watch* is told when it has ended."""
        if self._force.now.section.enabled:
            self._task = asyncio.create_task(self._run())
            self._task.add_done_callback(watch)

    async def stop(self) -> None:
        """Claim nothing more; what is being sent has a few seconds to end, and be kept."""
        if self._task is None:
            return
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        if self._sending:
            await asyncio.wait(self._sending, timeout=_STOP_S)
        for task in self._sending:
            task.cancel()
        await asyncio.gather(*self._sending, return_exceptions=True)

    def wake(self, _alarm_id: int | None = None) -> None:
        """Something is owed: look when it is due."""
        self._news.set()

    async def _run(self) -> None:
        await self._ready.wait()
        failures = 0
        resumed = False
        while True:
            self._news.clear()
            wait_s = _LOOK_EVERY_S
            try:
                async with lent(self._database) as connection:
                    if not resumed:
                        await ledger.resume(connection, self._owner)
                        resumed = True
                    wait_s = await self._look(connection)
                failures = 0
            except DatabaseAway as reason:
                failures += 1
                if failures == 1:
                    _log.warning("deliveries_wait", reason=str(reason))
            except Exception:  # noqa: BLE001 - no mistake may end the sending
                failures += 1
                _log.exception("deliveries_stumbled")
            await self._rest(wait_s, failures)

    async def _rest(self, wait_s: float, failures: int) -> None:
        if failures:
            await asyncio.sleep(min(pause_s(failures), _LONGEST_PAUSE_S))
            return
        await asyncio.sleep(_BRIEF_S)
        await wait_for(self._news, wait_s)

    async def _look(self, connection: asyncpg.Connection) -> float:
        """Begin to send all that is due and has a place; how long to wait for more, seconds."""
        lease_s = self._force.now.section.send_seconds + _LEASE_MARGIN_S
        while True:
            busy = self._places.full()
            claimed_at, in_hand = time.monotonic(), list(self._sending.values())
            claimed = await ledger.claim(
                connection, self._owner, lease_s=lease_s, busy=busy, in_hand=in_hand
            )
            if claimed is None:
                break
            self._begin(claimed, claimed_at + _BEGIN_WITHIN_S)
        waiting, next_s = await ledger.due(connection)
        self._load.update(running=self._places.taken, waiting=waiting)
        return min(_LOOK_EVERY_S, next_s if next_s is not None else _LOOK_EVERY_S)

    def _begin(self, claimed: Claimed, until: float) -> None:
        """Send it, if that begins by *until* on the monotonic clock."""
        channel = claimed.delivery.channel
        self._places.enter(channel)
        task = asyncio.create_task(self._deliver(claimed, until))
        self._sending[task] = claimed.delivery.id

        def ended(task: asyncio.Task[None]) -> None:
            del self._sending[task]
            self._places.leave(channel)
            self._load.update(running=self._places.taken)
            self.wake()

        task.add_done_callback(ended)

    async def _deliver(self, claimed: Claimed, until: float) -> None:
        try:
            ended = await self._attempt(claimed, until)
        except asyncio.CancelledError:
            ended = Ended(Outcome.RETRY, "the service was stopped meanwhile")
            await asyncio.shield(self._keep(claimed, ended, tries=1))
            raise
        await self._keep(claimed, ended)

    async def _attempt(self, claimed: Claimed, until: float) -> Ended:
        delivery = claimed.delivery
        try:
            channel, letter = await self._letter(claimed)
            _check_in_time(until)
            said = await self._desk.send(channel, letter)
        except SendFailed as failed:
            return self._after(claimed, str(failed), retry=failed.retry)
        except DatabaseAway as reason:
            return self._after(claimed, f"PostgreSQL is away: {reason}", retry=True)
        except Exception as error:  # noqa: BLE001 - whatever a channel does, the message is kept
            _log.exception("delivery_stumbled", channel=delivery.channel, delivery=delivery.id)
            return self._after(claimed, f"{type(error).__name__}, see the log", retry=True)
        problem = letter.rendered.problem
        return Ended(Outcome.SENT, f"{problem}; {said}" if problem else said)

    async def _letter(self, claimed: Claimed) -> tuple[Channel, Letter]:
        """The message, written. Raise SendFailed, DatabaseAway."""
        delivery = claimed.delivery
        async with lent(self._database) as connection:
            channel = await self._channels.find(connection, delivery.channel)
            receivers = self._desk.receivers(channel, delivery.receiver)
            if others := split_off(channel, receivers):
                await ledger.split(connection, delivery.id, receivers[0], others)
                receivers = receivers[:1]
            alarms = await ledger.told(connection, delivery.id)
        return channel, self._desk.write(channel, delivery, alarms, receivers=receivers)

    def _after(self, claimed: Claimed, reason: str, *, retry: bool) -> Ended:
        """What a failed attempt comes to."""
        section, delivery = self._force.now.section, claimed.delivery
        most = section.give_up_attempts
        late = claimed.tried_s >= section.give_up_seconds
        if not retry or late or 0 < most <= delivery.attempts:
            _log.error(
                "delivery_given_up",
                channel=delivery.channel,
                delivery=delivery.id,
                attempts=delivery.attempts,
                reason=reason,
            )
            return Ended(Outcome.FAILED, reason)
        return Ended(Outcome.RETRY, reason, backoff_s(delivery.attempts, section.retry_seconds))

    async def _keep(self, claimed: Claimed, ended: Ended, *, tries: int | None = None) -> None:
        """Keep what came of it, however long PostgreSQL is away: others would send it again."""
        failures = 0
        while True:
            try:
                async with lent(self._database) as connection:
                    return await ledger.end(connection, claimed.delivery, ended)
            except DatabaseAway:
                failures += 1
                if failures == tries:
                    raise
                await asyncio.sleep(min(pause_s(failures), _LONGEST_PAUSE_S))


def _check_in_time(until: float) -> None:
    """Raise SendFailed after *until*: others may have it by the time that it would be sent."""
    if time.monotonic() > until:
        raise SendFailed("PostgreSQL took too long to say what to send", retry=True)


def backoff_s(attempts: int, longest_s: float) -> float:
    """How long to wait after so many failed attempts: doubling, with some chance in it."""
    state = RetryCallState(Retrying(), None, (), {})
    state.attempt_number = attempts
    wait = wait_exponential(multiplier=1, max=longest_s)(state)
    return wait * (0.75 + wait_random(0, 0.5)(state))
