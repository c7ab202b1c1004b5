"""What people do with business calendars; jobs that name one are due anew when it changes."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncEngine

from scheduler import audit, calendar_store
from scheduler.engine.calendars import Calendar
from scheduler.job_service import JobService
from scheduler.refusal import Conflict, Invalid, NotFound


class CalendarService:
    """Sets, reads and deletes calendars."""

    def __init__(self, engine: AsyncEngine, jobs: JobService) -> None:
        self._engine = engine
        self._jobs = jobs

    async def get(self, name: str) -> Calendar:
        """The calendar. Raise NotFound."""
        async with self._engine.connect() as connection:
            found = await calendar_store.find(connection, name)
        if found is None:
            raise NotFound("calendar", name)
        return found

    async def all(self) -> Sequence[Calendar]:
        """Every calendar, by name."""
        async with self._engine.connect() as connection:
            return await calendar_store.find_all(connection)

    async def set(self, calendar: Calendar) -> None:
        """Add or change a calendar; the next runs of the jobs that name it are found anew."""
        if not calendar.working_weekdays and not calendar.make_up_days:
            raise Invalid("working_weekdays", "no day at all would be worked on")
        async with self._engine.begin() as connection:
            await calendar_store.save(connection, calendar)
            await audit.record(
                connection, "set", subject="calendar", detail={"name": calendar.name}
            )
            for job_id in await calendar_store.users(connection, calendar.name):
                await self._jobs.reschedule(connection, job_id)

    async def delete(self, name: str) -> None:
        """Delete a calendar. Raise NotFound, and Conflict while jobs name it."""
        async with self._engine.begin() as connection:
            if named_by := await calendar_store.users(connection, name):
                some = ", ".join(map(str, named_by[:5]))
                raise Conflict(f"jobs name it: {some}{' …' * (len(named_by) > 5)}")
            if not await calendar_store.remove(connection, name):
                raise NotFound("calendar", name)
            await audit.record(connection, "delete", subject="calendar", detail={"name": name})
