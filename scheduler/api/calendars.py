"""The endpoints of business calendars."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Annotated

from pydantic import Field, StringConstraints

from scheduler.api.endpoint import delete, get, put
from scheduler.api.shapes import Day, Given, Told
from scheduler.calendar_service import CalendarService
from scheduler.engine.calendars import Calendar

Days = Annotated[tuple[Day, ...], Field(max_length=10_000)]
Weekday = Annotated[int, Field(ge=1, le=7)]


class CalendarPath(Given):
    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]


class CalendarSet(Given):
    """Which days are worked on."""

    working_weekdays: Annotated[
        tuple[Weekday, ...], Field(max_length=7, description="1 is Monday.")
    ] = (1, 2, 3, 4, 5)
    closing_days: Annotated[Days, Field(description="Not worked on, whatever their weekday.")] = ()
    make_up_days: Annotated[
        Days, Field(description="Worked on, whatever their weekday; they win over closing days.")
    ] = ()


class CalendarTold(Told):
    """A business calendar, which jobs name as `calendarName`."""

    name: str
    working_weekdays: list[int]
    closing_days: list[date]
    make_up_days: list[date]


class Calendars:
    """Business calendars: which days are worked on."""

    def __init__(self, service: CalendarService) -> None:
        self._calendars = service

    @get("/calendars")
    async def find(self) -> Sequence[CalendarTold]:
        """List the calendars, by name."""
        return [_told(calendar) for calendar in await self._calendars.all()]

    @get("/calendars/{name}")
    async def read(self, path: CalendarPath) -> CalendarTold:
        """Read a calendar."""
        return _told(await self._calendars.get(path.name))

    @put("/calendars/{name}")
    async def set(self, path: CalendarPath, body: CalendarSet) -> CalendarTold:
        """Add or change a calendar; the next runs of the jobs that name it are found anew."""
        calendar = Calendar(
            name=path.name,
            working_weekdays=frozenset(body.working_weekdays),
            closing_days=frozenset(body.closing_days),
            make_up_days=frozenset(body.make_up_days),
        )
        await self._calendars.set(calendar)
        return _told(calendar)

    @delete("/calendars/{name}")
    async def delete(self, path: CalendarPath) -> None:
        """Delete a calendar that no job names."""
        await self._calendars.delete(path.name)


def _told(calendar: Calendar) -> CalendarTold:
    return CalendarTold(
        name=calendar.name,
        working_weekdays=sorted(calendar.working_weekdays),
        closing_days=sorted(calendar.closing_days),
        make_up_days=sorted(calendar.make_up_days),
    )
