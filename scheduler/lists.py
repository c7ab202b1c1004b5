"""What lists that people narrow as they like share: a plan for what is asked, a total, a depth."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from sqlalchemy import Select, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from scheduler.refusal import Invalid

MOST_COUNTED = 10_000
"""Rows that are counted one by one, and the depth at which the last page by number begins."""


class Total(NamedTuple):
    """How many rows there are; not *exact*: at least so many."""

    number: int
    exact: bool


@asynccontextmanager
async def listing(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """A connection for lists that people narrow as they like, planned for what they ask for.

    A plan for any values knows neither that a group has no jobs, nor that a page is of twenty rows
    and a job has half of them all, and may use no index of what is pending alone.
    """
    async with engine.connect() as connection:
        await connection.execute(text("SET LOCAL plan_cache_mode = force_custom_plan"))
        yield connection


def refuse_deep(skip: int) -> None:
    """Raise Invalid where a page begins deeper than pages go."""
    if skip >= MOST_COUNTED:
        raise Invalid("current", f"pages end at record {MOST_COUNTED}: go on by cursor")


async def counted(connection: AsyncConnection, rows: Select[Any]) -> Total:
    """How many *rows* there are."""
    some = rows.limit(MOST_COUNTED + 1).subquery()
    number = int(await connection.scalar(select(func.count()).select_from(some)) or 0)
    return Total(min(number, MOST_COUNTED), number <= MOST_COUNTED)
