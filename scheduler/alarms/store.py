"""Keeps alarms: each once, with what is owed to people about it, in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import asyncpg
import orjson
import structlog

from scheduler.alarms.model import Alarm, SendStatus
from scheduler.alarms.routing import Routed, Router, Send, Slot
from scheduler.alarms.statements import sql
from scheduler.changes import CHANNEL
from scheduler.run_row import clean

_log = structlog.get_logger(__name__)
STORM_FROM = 10
"""A message with so many alarms waits for more, as long as they keep coming."""
STORM_LULL_S = 2.0
_TITLE, _CONTENT, _KEY = 500, 20_000, 200
_LONGEST_WINDOW = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Keeper:
    """Raises alarms as *router* has them, in the transaction of a connection.

    *storm_s* is how long a message gathers at most while many alarms keep coming, seconds.
    """

    router: Router
    storm_s: float

    async def keep(self, connection: asyncpg.Connection, alarms: Iterable[Alarm]) -> dict[str, int]:
        """Raise those that have not been raised before; their ids, by dedup key."""
        new = await _new(connection, alarms)
        if not new:
            return {}
        now = await connection.fetchval("SELECT now()")
        keys = sorted({alarm.key for alarm in new})
        rows = await connection.fetch(sql("told"), keys, now - _LONGEST_WINDOW)
        routed = self.router.route(new, {row[0]: row[1] for row in rows}, now)
        kept = await _insert(connection, routed, now)
        owed = [
            (send, kept[key]) for key, one in _by_key(routed) if key in kept for send in one.sends
        ]
        await self.owe(connection, owed, now)
        await _break(connection, routed, kept, now)
        _tell_of_lost(routed, kept)
        if kept:
            await connection.execute(sql("tell_all"), CHANNEL, max(kept.values()))
        return kept

    async def owe(
        self, connection: asyncpg.Connection, owed: Sequence[tuple[Send, int]], now: datetime
    ) -> None:
        """Put alarms, by id, in the messages that they belong to."""
        slots = _slots(owed)
        if not slots:
            return
        columns = zip(*(_slot_row(slot, sends) for slot, sends in slots.items()), strict=True)
        limits = (STORM_FROM, STORM_LULL_S, self.storm_s)
        rows = await connection.fetch(sql("gather"), *columns, now, *limits)
        delivery = {tuple(row)[1:]: row[0] for row in rows}
        links = sorted((delivery[_identity(send.slot)], alarm_id) for send, alarm_id in owed)
        await connection.execute(sql("link"), *zip(*links, strict=True))


async def _new(connection: asyncpg.Connection, alarms: Iterable[Alarm]) -> list[Alarm]:
    distinct = {alarm.dedup_key[:_KEY]: alarm for alarm in alarms}
    if not distinct:
        return []
    known = await connection.fetch(sql("known"), list(distinct))
    for row in known:
        del distinct[row[0]]
    return list(distinct.values())


def _by_key(routed: Iterable[Routed]) -> Iterable[tuple[str, Routed]]:
    return ((one.alarm.dedup_key[:_KEY], one) for one in routed)


async def _insert(
    connection: asyncpg.Connection, routed: Sequence[Routed], now: datetime
) -> dict[str, int]:
    ordered = [one for _, one in sorted(_by_key(routed), key=lambda pair: pair[0])]
    columns = zip(*(_row(one) for one in ordered), strict=True)
    rows = await connection.fetch(sql("raise"), *columns, now)
    return {row[1]: row[0] for row in rows}


def _row(one: Routed) -> tuple[object, ...]:
    alarm = one.alarm
    return (
        alarm.job_id,
        alarm.log_id,
        alarm.type.value,
        alarm.level.value,
        clean(alarm.title, _TITLE),
        clean(alarm.content, _CONTENT),
        alarm.dedup_key[:_KEY],
        alarm.key[:_KEY],
        one.suppressed,
        one.rule,
        _json(alarm.facts),
        one.escalate_at,
        _status(one).value,
    )


def _status(one: Routed) -> SendStatus:
    if one.sends:
        return SendStatus.PENDING
    return SendStatus.FAILED if one.meant else SendStatus.SENT


def _json(facts: Mapping[str, object]) -> str:
    """As jsonb can hold it, which knows no NUL."""
    cleaned = {
        name: clean(value, _CONTENT) if isinstance(value, str) else value
        for name, value in facts.items()
    }
    return orjson.dumps(cleaned).decode()


async def _break(
    connection: asyncpg.Connection,
    routed: Sequence[Routed],
    kept: Mapping[str, int],
    now: datetime,
) -> None:
    """Remember what is broken, so that its recovery is told."""
    rows = [
        (one.alarm.breaks, one.alarm.job_id, kept[key], one.alarm.since or now)
        for key, one in _by_key(routed)
        if key in kept and one.alarm.breaks
    ]
    if rows:
        await connection.execute(sql("open"), *zip(*rows, strict=True))


def _tell_of_lost(routed: Sequence[Routed], kept: Mapping[str, int]) -> None:
    """Say of which alarms nobody is told, since none of those who are meant is a user."""
    for key, one in _by_key(routed):
        if key in kept and one.meant and not one.sends:
            _log.error("alarm_reaches_nobody", alarm=kept[key], rule=one.rule)


def _slots(owed: Sequence[tuple[Send, int]]) -> dict[Slot, list[Send]]:
    slots: dict[Slot, list[Send]] = {}
    for send, _ in owed:
        slots.setdefault(send.slot, []).append(send)
    return slots


def _identity(slot: Slot) -> tuple[str, ...]:
    return slot.channel, slot.receiver, slot.rule, slot.purpose.value, slot.group_key


def _slot_row(slot: Slot, sends: Sequence[Send]) -> tuple[object, ...]:
    at = min(send.at for send in sends)
    return *_identity(slot), len(sends), at, any(send.prompt for send in sends)
