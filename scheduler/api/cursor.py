"""Cursors: where a list goes on, as text that says nothing to clients."""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime, timedelta

from scheduler.api.errors import BadInput, invalid

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_US = timedelta(microseconds=1)


def write_cursor(*numbers: int) -> str:
    """A cursor that holds *numbers*."""
    text = ".".join(map(str, numbers))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_cursor(cursor: str, count: int) -> tuple[int, ...]:
    """The *count* numbers in *cursor*. Raise BadInput."""
    try:
        text = base64.urlsafe_b64decode(cursor.encode() + b"=" * (-len(cursor) % 4)).decode("ascii")
        numbers = tuple(int(number) for number in text.split("."))
    except (ValueError, binascii.Error):
        raise _unknown() from None
    if len(numbers) != count or not all(-(2**63) <= number < 2**63 for number in numbers):
        raise _unknown()
    return numbers


def to_us(moment: datetime) -> int:
    """*moment* in microseconds since the epoch, exactly."""
    return (moment - _EPOCH) // _US


def from_us(number: int) -> datetime:
    """The moment *number* microseconds after the epoch. Raise BadInput."""
    try:
        return _EPOCH + number * _US
    except OverflowError:
        raise _unknown() from None


def _unknown() -> BadInput:
    return invalid("cursor", "is none of this list")
