"""A plain connection to PostgreSQL, lent by the service's pool for a moment."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine

from scheduler.database import STATEMENT_FAILED, end_if_cancelled, is_mistaken, said


class DatabaseAway(Exception):
    """PostgreSQL does not answer now, or not as it should; later it may. Says why, for people."""


@asynccontextmanager
async def lent(engine: AsyncEngine) -> AsyncIterator[asyncpg.Connection]:
    """A connection for the time of this block. Raise DatabaseAway, for what fails in it.

    A statement that PostgreSQL would never take is no such thing: it is raised as it is.
    """
    try:
        async with engine.connect() as pooled:
            try:
                yield (await pooled.get_raw_connection()).driver_connection
            except BaseException:
                await pooled.invalidate()  # cut off or cancelled: its state is anyone's guess
                raise
    except (OSError, *STATEMENT_FAILED) as error:
        if is_mistaken(error):
            raise
        end_if_cancelled(error)
        raise DatabaseAway(said(error)) from error
