"""Takes in what has happened, and what handlers have said, and keeps the alarms of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any, NamedTuple

import asyncpg
import structlog

from executor.clock import moment
from executor.model import LOCAL, Trigger
from executor.run_alarm import RunAlarm
from scheduler.alarms.events import Judge, own
from scheduler.alarms.model import Alarm
from scheduler.alarms.statements import sql
from scheduler.alarms.store import Keeper
from scheduler.run_row import job_of, run_key

_log = structlog.get_logger(__name__)
HELD_S = 40
"""An Admin looks for failed runs every 10 s; its mirror has seen the next attempt by then."""
_MOST_SAID = 10_000
_PATIENCE = 4
"""So many looks are waited for the record of a run whose handler has said something."""


async def take_events(
    connection: asyncpg.Connection, keeper: Keeper, judge: Judge, most: int
) -> int:
    """Judge what has happened, at most *most*, in one transaction; how much it was."""
    async with connection.transaction():
        rows = await connection.fetch(sql("take_events"), most)
        held = [row for row in rows if judge.is_held(row)]
        found = [alarm for row in rows if row not in held for alarm in _judged(judge, row)]
        if held:
            columns = zip(*((row["job_id"], row["log_id"], row["at"]) for row in held), strict=True)
            await connection.execute(sql("hold"), *columns, HELD_S)
        await keeper.keep(connection, found)
    return len(rows)


def _judged(judge: Judge, row: asyncpg.Record) -> Sequence[Alarm]:
    """The alarms of an event; one that cannot be judged is said, and keeps up no other."""
    try:
        return list(judge.alarms(row))
    except Exception:  # noqa: BLE001 - whatever it is, others are judged
        _log.exception("alarm_refused", about=dict(row))
        return ()


class _Said(NamedTuple):
    trigger: Trigger
    alarm: RunAlarm
    looks: int = 0


class Said:
    """What handlers have said by `ctx.alarm`, on its way to PostgreSQL.

    What is lost here comes again with the report of its run, and is the same alarm.
    """

    def __init__(self) -> None:
        self._waiting: deque[_Said] = deque(maxlen=_MOST_SAID)

    def __len__(self) -> int:
        return len(self._waiting)

    def hear(self, trigger: Trigger, alarm: RunAlarm) -> None:
        self._waiting.append(_Said(trigger, alarm))

    async def tell(self, connection: asyncpg.Connection, keeper: Keeper) -> None:
        """Keep them; those whose run is not recorded yet wait a little."""
        said = list(self._waiting)
        rows = await connection.fetch(sql("run_of"), *_columns(said))
        ready: list[Alarm] = []
        early: list[_Said] = []
        for one, row in zip(said, rows, strict=True):
            if _log_id(one.trigger, row) is None and one.looks < _PATIENCE:
                early.append(one._replace(looks=one.looks + 1))
            else:
                ready.append(own(one.alarm, _row(one.trigger, row)))
        async with connection.transaction():
            await keeper.keep(connection, ready)
        for _ in said:
            self._waiting.popleft()
        self._waiting.extend(early)

    def drop(self) -> int:
        """Forget what is waiting; how much it was."""
        count = len(self._waiting)
        self._waiting.clear()
        return count


def _columns(said: Sequence[_Said]) -> Sequence[Sequence[Any]]:
    return tuple(zip(*(_identity(one.trigger) for one in said), strict=True))


def _identity(trigger: Trigger) -> tuple[Any, ...]:
    """Cluster, job, log id and time, as its run is recorded with."""
    cluster, log_id, triggered_ms = key = run_key(trigger)
    return cluster, job_of(key, trigger)[1], log_id, moment(triggered_ms)


def _log_id(trigger: Trigger, found: asyncpg.Record) -> int | None:
    """The id that the run has in `schedule_log`; None: it is not recorded yet."""
    log_id: int | None = trigger.log_id if trigger.cluster == LOCAL else found["log_id"]
    return log_id


def _row(trigger: Trigger, found: asyncpg.Record) -> dict[str, Any]:
    """As `take_events.sql` has it."""
    cluster, _, log_id, at = _identity(trigger)
    return dict(found) | {
        "log_id": _log_id(trigger, found),
        "cluster": cluster,
        "admin_log_id": log_id,
        "at": at,
        "handler_name": trigger.handler,
        "trigger_type": trigger.source.value,
        "attempt": trigger.attempt,
    }
