"""What all shapes of the API have in common: names, bounds, pages."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Annotated, Generic, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
)
from pydantic.alias_generators import to_camel

_MOST_BIGINT = 2**63 - 1
_NO_NUL = r"^[^\x00]*$"

Id = Annotated[int, Field(ge=0, le=_MOST_BIGINT)]
"""A number that PostgreSQL made."""
Count = Annotated[int, Field(ge=0, le=2**31 - 1)]


_DATE_FIRST = re.compile(r"\d{4}-\d\d-\d\d")
_MOMENT = TypeAdapter(datetime)


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


def _day(value: object) -> date:
    if not isinstance(value, str) or not _DATE_FIRST.fullmatch(value):
        raise ValueError("has to be a date, as 2026-11-24")
    return date.fromisoformat(value)


Moment = Annotated[datetime, BeforeValidator(_moment)]
"""A time, in a query or in JSON."""
Day = Annotated[date, BeforeValidator(_day)]

Line = Annotated[str, StringConstraints(pattern=_NO_NUL)]
"""Text that PostgreSQL can hold; bounded where it is used."""
Name = Annotated[str, StringConstraints(pattern=_NO_NUL, min_length=1, max_length=200)]


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


Record = TypeVar("Record")


class Page(Told, Generic[Record]):
    """Some of a list, and how to go on."""

    records: list[Record]
    total: int = Field(description="How many there are in all.")
    total_exact: bool = Field(True, description="False: there are at least so many.")
    size: int = Field(description="Records of a whole page.")
    current: int = Field(description="Number of this page, from 1.")
    pages: int = Field(description="Pages that can be asked for by number.")
    cursor: str | None = Field(description="Asks for what follows; null: nothing does.")


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


class JobPath(Given):
    id: Id = Field(description="The job's id.")


def pages_of(total: int, size: int) -> int:
    return -(-total // size)
