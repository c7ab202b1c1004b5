"""Business calendars in PostgreSQL, on a connection that the caller has opened."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Row, delete, func, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from scheduler.engine.calendars import Calendar
from scheduler.tables import schedule_calendar, schedule_job


async def find(connection: AsyncConnection, name: str) -> Calendar | None:
    """The calendar of this name."""
    query = select(schedule_calendar).where(schedule_calendar.c.name == name)
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else _calendar_of(row)


async def find_all(connection: AsyncConnection) -> Sequence[Calendar]:
    """Every calendar, by name."""
    query = select(schedule_calendar).order_by(schedule_calendar.c.name)
    return [_calendar_of(row) for row in await connection.execute(query)]


async def save(connection: AsyncConnection, calendar: Calendar) -> None:
    """Make *calendar* the one of its name."""
    values = {
        "working_weekdays": sorted(calendar.working_weekdays),
        "closing_days": sorted(calendar.closing_days),
        "make_up_days": sorted(calendar.make_up_days),
    }
    query = upsert(schedule_calendar).values(name=calendar.name, **values)
    await connection.execute(
        query.on_conflict_do_update(
            constraint="schedule_calendar_pkey", set_=values | {"update_time": func.now()}
        )
    )


async def remove(connection: AsyncConnection, name: str) -> bool:
    """Delete the calendar of this name; False: there is none."""
    query = delete(schedule_calendar).where(schedule_calendar.c.name == name)
    return bool((await connection.execute(query)).rowcount)


async def users(connection: AsyncConnection, name: str) -> Sequence[int]:
    """The ids of the living jobs that name it, in order."""
    table = schedule_job.c
    query = select(table.id).where(table.calendar_name == name, table.deleted_at.is_(None))
    return list(await connection.scalars(query.order_by(table.id)))


def _calendar_of(row: Row[tuple[object, ...]]) -> Calendar:
    return Calendar(
        name=row.name,
        working_weekdays=frozenset(row.working_weekdays),
        closing_days=frozenset(row.closing_days),
        make_up_days=frozenset(row.make_up_days),
    )
