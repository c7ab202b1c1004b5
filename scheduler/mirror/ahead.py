"""Fetches the next thing while the last one is worked on: one at a time, and none too many."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import TypeVar

_Item = TypeVar("_Item")


async def ahead(
    items: AsyncGenerator[_Item, None], go_on: Callable[[], bool]
) -> AsyncGenerator[_Item, None]:
    """*items*, each asked for while its forerunner is in use; at least one, then while *go_on*.

    Whoever stops early closes it (`aclosing`), so that nothing is asked for any more.
    """
    task = asyncio.create_task(_next(items))
    try:
        while (item := await task) is not None:
            more = go_on()
            if more:
                task = asyncio.create_task(_next(items))
            yield item
            if not more:
                return
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await items.aclose()


async def _next(items: AsyncGenerator[_Item, None]) -> _Item | None:
    return await anext(items, None)
