from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from scheduler.mirror.ahead import ahead


async def counted(seen: list[str], most: int, closed: asyncio.Event) -> AsyncGenerator[int, None]:
    """Tells which numbers it was asked for."""
    try:
        for number in range(most):
            seen.append(f"asked for {number}")
            yield number
    finally:
        closed.set()


async def test_the_next_one_is_asked_for_while_the_last_one_is_in_use() -> None:
    seen: list[str] = []
    items = counted(seen, 3, asyncio.Event())

    async for number in ahead(items, lambda: True):
        await asyncio.sleep(0)
        seen.append(f"used {number}")

    assert seen == [
        "asked for 0",
        "asked for 1",
        "used 0",
        "asked for 2",
        "used 1",
        "used 2",
    ]


async def test_none_is_asked_for_that_will_not_be_used() -> None:
    seen: list[str] = []

    found = [one async for one in ahead(counted(seen, 9, asyncio.Event()), lambda: False)]

    assert (found, seen) == ([0], ["asked for 0"])


async def test_who_stops_early_has_nothing_asked_for_any_more() -> None:
    seen: list[str] = []
    closed = asyncio.Event()

    async with aclosing(ahead(counted(seen, 9, closed), lambda: True)) as items:
        await anext(items)

    assert closed.is_set()
    assert seen == ["asked for 0"]


async def test_what_goes_wrong_in_asking_is_told_after_what_went_well() -> None:
    async def broken() -> AsyncGenerator[int, None]:
        yield 1
        raise ZeroDivisionError

    async with aclosing(ahead(broken(), lambda: True)) as items:
        assert await anext(items) == 1
        with pytest.raises(ZeroDivisionError):
            await anext(items)
