"""Alarms as people see them: lists, what came of telling them, and who handled them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from operator import eq, ge, le
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, RowMapping, Select, func, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from executor.clock import Clock, moment
from scheduler import audit
from scheduler.alarms.model import AlarmType, DeliveryState, HandleStatus, Level, SendStatus
from scheduler.alarms.tables import (
    schedule_delivery,
    schedule_delivery_alarm,
    schedule_notify_count,
)
from scheduler.lists import MOST_COUNTED, Total, counted, listing, refuse_deep
from scheduler.refusal import NotFound
from scheduler.tables import schedule_job, schedule_notify


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeFilter:
    """Which alarms of a list are wanted; None: any."""

    job_id: int | None = None
    log_id: int | None = None
    type: AlarmType | None = None
    level: Level | None = None
    handle_status: HandleStatus | None = None
    send_status: SendStatus | None = None
    start_time: datetime | None = None
    """Detected then or later."""
    end_time: datetime | None = None
    """Detected then or earlier."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A row of `schedule_notify`, with its job's name."""

    id: int
    job_id: int | None
    job_name: str | None
    log_id: int | None
    notify_type: AlarmType
    level: Level
    title: str
    content: str
    send_status: SendStatus
    handle_status: HandleStatus
    handler: str | None
    handle_remark: str | None
    handle_time: datetime | None
    create_time: datetime
    suppressed: bool
    rule: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One message that told, or will tell, of an alarm."""

    message_id: str
    channel: str
    receiver: str
    purpose: str
    state: DeliveryState
    attempts: int
    last_error: str
    end_time: datetime | None


class Place(NamedTuple):
    """Where a list goes on: after the alarm that was detected then, of this id."""

    create_time: datetime
    id: int


@dataclass(frozen=True, slots=True)
class Counts:
    """How many alarms there are of each kind."""

    types: Mapping[AlarmType, int]
    levels: Mapping[Level, int]

    @property
    def total(self) -> int:
        return sum(self.types.values())


class Notices:
    """The alarms that PostgreSQL keeps. *timezone* says when a day begins."""

    def __init__(self, engine: AsyncEngine, clock: Clock, *, timezone: str) -> None:
        self._engine = engine
        self._clock = clock
        self.zone = ZoneInfo(timezone)

    async def page(
        self, wanted: NoticeFilter, *, size: int, skip: int = 0, after: Place | None = None
    ) -> Sequence[Notice]:
        """At most *size* alarms, newest first: from *skip* on, or after a place in the list.

        Raises Invalid where a page lies deeper than pages go.
        """
        table = schedule_notify.c
        query = _NOTICES.where(*_conditions(wanted)).limit(size)
        query = query.order_by(table.create_time.desc(), table.id.desc())
        if after is None:
            refuse_deep(skip)
            query = query.offset(skip)
        else:
            query = query.where(tuple_(table.create_time, table.id) < tuple_(*after))
        async with listing(self._engine) as connection:
            return [_notice(row) for row in (await connection.execute(query)).mappings()]

    async def total(self, wanted: NoticeFilter) -> Total:
        """How many there are."""
        some = select(schedule_notify.c.id).where(*_conditions(wanted))
        async with listing(self._engine) as connection:
            total = await counted(connection, some)
            if total.exact or wanted != NoticeFilter():
                return total
            ever = await connection.scalar(select(func.sum(schedule_notify_count.c.raised)))
        return Total(max(MOST_COUNTED, int(ever or 0)), False)

    async def get(self, notice_id: int) -> tuple[Notice, Sequence[Told]]:
        """An alarm, and the messages about it. Raise NotFound."""
        async with self._engine.connect() as connection:
            notice = await _find(connection, notice_id)
            rows = (await connection.execute(_told(notice_id))).mappings()
            return notice, [Told(**_plain(row)) for row in rows]

    async def handle(
        self, notice_id: int, *, status: HandleStatus, handler: str, remark: str
    ) -> Notice:
        """Note who has handled or ignored it, or that it is open again; audited.

        Nobody is told of it any more, by escalation, once it is not pending. Raises NotFound.
        """
        pending = status is HandleStatus.PENDING
        async with self._engine.begin() as connection:
            was = await _find(connection, notice_id, lock=True)
            await connection.execute(
                update(schedule_notify)
                .where(schedule_notify.c.id == notice_id)
                .values(
                    handle_status=status,
                    handler=None if pending else handler,
                    handle_remark=remark,
                    handle_time=None if pending else func.now(),
                )
            )
            detail = {"status": status, "was": was.handle_status, "handler": handler}
            detail["remark"] = remark
            await audit.record(
                connection, "handle", subject="alarm", subject_id=notice_id, detail=detail
            )
            return await _find(connection, notice_id)

    async def counts(self) -> Counts:
        """All that were ever raised, by type and level; counted as they are raised."""
        table = schedule_notify_count.c
        return await self._counts(select(table.notify_type, table.level, table.raised))

    async def today(self) -> tuple[date, Counts]:
        """Those of today, in the zone of the service."""
        now = moment(self._clock.now_ms()).astimezone(self.zone)
        begin = now.replace(hour=0, minute=0, second=0, microsecond=0)
        table = schedule_notify.c
        query = select(table.notify_type, table.level, func.count())
        groups = query.where(table.create_time >= begin).group_by(table.notify_type, table.level)
        return now.date(), await self._counts(groups)

    async def pending(self) -> int:
        """How many nobody has handled."""
        return await self._count(schedule_notify.c.handle_status == HandleStatus.PENDING)

    async def unsent(self) -> int:
        """How many have a message that has not gone out, or was given up."""
        return await self._count(schedule_notify.c.send_status != SendStatus.SENT)

    async def _counts(self, query: Select[Any]) -> Counts:
        types, levels = dict.fromkeys(AlarmType, 0), dict.fromkeys(Level, 0)
        async with listing(self._engine) as connection:
            for kind, level, number in await connection.execute(query):
                types[AlarmType(kind)] += number
                levels[Level(level)] += number
        return Counts(types, levels)

    async def _count(self, condition: ColumnElement[bool]) -> int:
        query = select(func.count()).select_from(schedule_notify).where(condition)
        async with listing(self._engine) as connection:
            return int(await connection.scalar(query) or 0)


_OWN = [column for column in schedule_notify.c if column.name in Notice.__dataclass_fields__]
_NOTICES = select(*_OWN, schedule_job.c.job_name).select_from(
    schedule_notify.outerjoin(schedule_job, schedule_job.c.id == schedule_notify.c.job_id)
)


def _told(notice_id: int) -> Select[Any]:
    table, linked = schedule_delivery, schedule_delivery_alarm.c
    columns = [column for column in table.c if column.name in Told.__dataclass_fields__]
    joined = table.join(schedule_delivery_alarm, linked.delivery_id == table.c.id)
    query = select(*columns).select_from(joined).where(linked.notify_id == notice_id)
    return query.order_by(table.c.id)


async def _find(connection: AsyncConnection, notice_id: int, *, lock: bool = False) -> Notice:
    query = _NOTICES.where(schedule_notify.c.id == notice_id)
    if lock:
        query = query.with_for_update(of=schedule_notify)
    row = (await connection.execute(query)).mappings().one_or_none()
    if row is None:
        raise NotFound("alarm", notice_id)
    return _notice(row)


def _notice(row: RowMapping) -> Notice:
    kinds = {
        "notify_type": AlarmType(row["notify_type"]),
        "level": Level(row["level"]),
        "send_status": SendStatus(row["send_status"]),
        "handle_status": HandleStatus(row["handle_status"]),
    }
    return Notice(**{**row, **kinds})


def _plain(row: RowMapping) -> dict[str, Any]:
    return {**row, "message_id": str(row["message_id"]), "state": DeliveryState(row["state"])}


def _conditions(wanted: NoticeFilter) -> list[ColumnElement[bool]]:
    table = schedule_notify.c
    asked: list[tuple[object, Callable[[Any, Any], Any], ColumnElement[Any]]] = [
        (wanted.job_id, eq, table.job_id),
        (wanted.log_id, eq, table.log_id),
        (wanted.type, eq, table.notify_type),
        (wanted.level, eq, table.level),
        (wanted.handle_status, eq, table.handle_status),
        (wanted.send_status, eq, table.send_status),
        (wanted.start_time, ge, table.create_time),
        (wanted.end_time, le, table.create_time),
    ]
    return [compare(column, given) for given, compare, column in asked if given is not None]
