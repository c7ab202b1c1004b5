"""What all shapes of the API have in common: names, bounds, pages."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Annotated, Generic, Self, TypeVar
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
)
from pydantic.alias_generators import to_camel

from scheduler.lists import MOST_COUNTED, Total
from scheduler.refusal import Invalid

_MOST_BIGINT = 2**63 - 1
_NO_NUL = r"^[^\x00]*$"

Id = Annotated[int, Field(ge=0, le=_MOST_BIGINT)]
"""A number that PostgreSQL made."""
Count = Annotated[int, Field(ge=0, le=2**31 - 1)]


_DATE_FIRST = re.compile(r"\d{4}-\d\d-\d\d")
_LOST_PLUS = re.compile(r"(\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?) (\d\d:?\d\d)")
"""A time whose `+` a form has made a blank of."""
_MOMENT = TypeAdapter(datetime)
_YEARS = range(1970, 9000)


def _moment(value: object) -> datetime:
    """Read what begins with a date: pydantic would take digits for seconds or milliseconds."""
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str) or not _DATE_FIRST.match(value):
        raise ValueError("has to be ISO 8601, as 2026-11-24T09:00:00+08:00")
    try:
        return _MOMENT.validate_python(value)
    except ValidationError as error:
        raise ValueError(error.errors()[0]["msg"]) from None


def _thinkable(moment: datetime) -> datetime:
    if moment.year not in _YEARS:
        raise ValueError(f"has to lie in the years {_YEARS.start} to {_YEARS.stop - 1}")
    return moment


def _since(value: object) -> object:
    """Read what a query says: an unescaped `+` before the offset arrives as a blank."""
    return _LOST_PLUS.sub(r"\1+\2", value) if isinstance(value, str) else value


def _until(value: object) -> object:
    """Read a date alone as the end of that day."""
    if isinstance(value, str) and _DATE_FIRST.fullmatch(value):
        return f"{value}T23:59:59.999999"
    return _since(value)


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be blank")
    return text


def _day(value: object) -> date:
    if not isinstance(value, str) or not _DATE_FIRST.fullmatch(value):
        raise ValueError("has to be a date, as 2026-11-24")
    return date.fromisoformat(value)


Moment = Annotated[datetime, BeforeValidator(_moment), AfterValidator(_thinkable)]
"""A time, in a query or in JSON."""
Since = Annotated[Moment, BeforeValidator(_since)]
Until = Annotated[Moment, BeforeValidator(_until)]
Day = Annotated[date, BeforeValidator(_day)]

Line = Annotated[str, StringConstraints(pattern=_NO_NUL)]
"""Text that PostgreSQL can hold; bounded where it is used."""
Name = Annotated[
    str,
    StringConstraints(pattern=_NO_NUL, min_length=1, max_length=200),
    AfterValidator(_not_blank),
]


class Given(BaseModel):
    """What clients send: camelCase, and nothing that is not known."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", frozen=True)


class Told(BaseModel):
    """What clients are told: read from values of the domain by their own names."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        frozen=True,
        from_attributes=True,
        validate_by_name=True,
        serialize_by_alias=True,
    )

    def in_zone(self, zone: ZoneInfo) -> Self:
        """The same, with its own times as clocks in *zone* show them."""
        times = {name: one.astimezone(zone) for name, one in self if isinstance(one, datetime)}
        return self.model_copy(update=times)


Record = TypeVar("Record")
Row = TypeVar("Row")


class Page(Told, Generic[Record]):
    """Some of a list, and how to go on."""

    records: list[Record]
    total: int = Field(description="How many there are in all.")
    total_exact: bool = Field(True, description="False: there are at least so many.")
    size: int = Field(description="Records of a whole page.")
    current: int = Field(description="Number of this page, from 1.")
    pages: int = Field(description="Pages that can be asked for by number.")
    cursor: str | None = Field(description="Asks for what follows; null: nothing does.")

    @classmethod
    def of(
        cls,
        found: Sequence[Row],
        total: Total,
        asked: Paging,
        *,
        told: Callable[[Row], Record],
        cursor: Callable[[Row], str],
        by_number: int = MOST_COUNTED,
    ) -> Self:
        """The page that was *asked* for, of as many rows as it *reads*.

        Pages by number begin within the first *by_number* records of the list.
        """
        shown = found[: asked.size]
        return cls(
            records=[told(one) for one in shown],
            total=total.number,
            total_exact=total.exact,
            size=asked.size,
            current=asked.current,
            pages=-(-min(total.number, by_number) // asked.size),
            cursor=cursor(shown[-1]) if len(found) > asked.size else None,
        )


class Paging(Given):
    """Which part of a list is wanted."""

    current: Annotated[int, Field(ge=1, le=1_000_000, description="Number of the page.")] = 1
    size: Annotated[int, Field(ge=1, le=500, description="Records of a page.")] = 20
    cursor: Annotated[
        str | None,
        Field(max_length=200, description="Of the page before: costs the same however deep."),
    ] = None

    @property
    def skip(self) -> int:
        return (self.current - 1) * self.size

    @property
    def reads(self) -> int:
        """Rows to be read: one more than a page has tells whether anything follows it."""
        return self.size + 1


class Between(Paging):
    """Of what happened when. Times without an offset are read in the service's zone."""

    start_time: Since | None = Field(None, description="Then or later.")
    end_time: Until | None = Field(
        None, description="Then or earlier; a date alone is the end of that day."
    )

    def span(self, zone: ZoneInfo) -> tuple[datetime | None, datetime | None]:
        """Begin and end, read in *zone* where they have no offset. Raise Invalid."""
        begin, end = _aware(self.start_time, zone), _aware(self.end_time, zone)
        if begin is not None and end is not None and begin > end:
            raise Invalid("end_time", "lies before startTime")
        return begin, end


def _aware(moment: datetime | None, zone: ZoneInfo) -> datetime | None:
    if moment is None or moment.tzinfo is not None:
        return moment
    return moment.replace(tzinfo=zone)


class JobPath(Given):
    id: Id = Field(description="The job's id.")
