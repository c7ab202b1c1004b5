"""The outbox in PostgreSQL: what is due, who has it, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg

from scheduler.alarms.delivery.letter import MOST_LISTED, MOST_TEXT, Outcome
from scheduler.alarms.model import AlarmType, Delivery, Level, Purpose, RaisedAlarm
from scheduler.alarms.statements import sql
from scheduler.run_row import clean

_STATES = {Outcome.SENT: "sent", Outcome.RETRY: "retrying", Outcome.FAILED: "failed"}


@dataclass(frozen=True, slots=True)
class Claimed:
    """A message that is ours for a while."""

    delivery: Delivery
    tried_s: float
    """For how long it has been tried, seconds."""


@dataclass(frozen=True, slots=True)
class Ended:
    """What an attempt came to. *pause_s*: until the next one, where there is one."""

    outcome: Outcome
    said: str
    pause_s: float = 0.0


async def claim(
    connection: asyncpg.Connection,
    owner: str,
    *,
    lease_s: float,
    busy: Sequence[str],
    in_hand: Sequence[int],
) -> Claimed | None:
    """The message that is due the longest; None: there is none.

    But by no channel of *busy*, and none of *in_hand*: *owner* has those, whatever their leases say.
    """
    row = await connection.fetchrow(sql("claim_delivery"), owner, lease_s, busy, in_hand)
    return Claimed(_delivery(row), row["tried_s"]) if row else None


async def due(connection: asyncpg.Connection) -> tuple[int, float | None]:
    """How many messages are due, and in how many seconds another one will be; None: none will."""
    row = await connection.fetchrow(sql("due_deliveries"))
    return row["due"], row["next_s"]


async def told(connection: asyncpg.Connection, delivery_id: int) -> Sequence[RaisedAlarm]:
    """What a message tells of, the worst first, as much as it lists."""
    return [
        RaisedAlarm(
            id=row["id"],
            job_id=row["job_id"],
            log_id=row["log_id"],
            type=AlarmType(row["notify_type"]),
            level=Level(row["level"]),
            title=row["title"],
            content=row["content"],
            facts=row["facts"],
            created=row["create_time"],
        )
        for row in await connection.fetch(sql("told_alarms"), delivery_id, MOST_LISTED)
    ]


async def split(
    connection: asyncpg.Connection, delivery_id: int, first: str, others: Sequence[str]
) -> None:
    """Make a message for many one for *first*, and others for the *others*, due now."""
    await connection.execute(sql("split_delivery"), delivery_id, first, others)


async def end(connection: asyncpg.Connection, delivery: Delivery, ended: Ended) -> None:
    """Keep what the attempt came to, and how its alarms stand now, in one transaction."""
    said = clean(ended.said, MOST_TEXT)
    attempt = delivery.id, delivery.attempts
    wrong = "" if ended.outcome is Outcome.SENT else said
    async with connection.transaction():
        state = _STATES[ended.outcome]
        await connection.execute(sql("end_delivery"), *attempt, state, wrong, ended.pause_s)
        await connection.execute(sql("end_attempt"), *attempt, ended.outcome.value, said)
        if ended.outcome is not Outcome.RETRY:
            await connection.execute(sql("lock_told"), delivery.id)
            await connection.execute(sql("reckon_told"), delivery.id)


async def resume(connection: asyncpg.Connection, owner: str) -> None:
    """What a former life of *owner* was sending is due now."""
    await connection.execute(sql("resume_deliveries"), owner)


def _delivery(row: Mapping[str, Any]) -> Delivery:
    return Delivery(
        id=row["id"],
        message_id=row["message_id"],
        purpose=Purpose(row["purpose"]),
        rule=row["rule"],
        channel=row["channel"],
        receiver=row["receiver"],
        attempts=row["attempts"],
        alarm_count=row["alarm_count"],
        created=row["create_time"],
    )
