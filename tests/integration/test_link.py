"""What a statement may end with, and what is made of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from scheduler.api.errors import is_away
from scheduler.database import open_database
from scheduler.engine.link import DatabaseAway, lent
from scheduler.recorder import Recorder


async def test_a_value_that_postgresql_cannot_take_does_not_mean_that_it_is_away(
    engine: AsyncEngine,
) -> None:
    with pytest.raises(asyncpg.DataError):
        async with lent(engine) as connection:
            await connection.fetchval("SELECT $1::bigint", "no number")


async def test_a_statement_that_lacks_a_value_does_not_mean_that_it_is_away(
    engine: AsyncEngine,
) -> None:
    with pytest.raises(asyncpg.InterfaceError, match="expects 2 arguments") as mistaken:
        async with lent(engine) as connection:
            await connection.fetchval("SELECT $1::text || $2::text", "one")

    assert not is_away(mistaken.value)


async def test_a_connection_that_is_cut_means_that_it_is_away(engine: AsyncEngine) -> None:
    with pytest.raises(DatabaseAway, match="terminating connection"):
        async with lent(engine) as connection:
            await connection.fetchval("SELECT pg_terminate_backend(pg_backend_pid())")


@pytest.mark.parametrize("connected", [lent, lambda engine: Recorder(engine)._connection()])
async def test_who_is_cancelled_ends_though_the_connection_fails_meanwhile(
    engine: AsyncEngine, connected: Callable[[AsyncEngine], Any]
) -> None:
    inside = asyncio.Event()

    async def work() -> None:
        async with connected(engine) as connection, connection.transaction():
            inside.set()
            try:
                await asyncio.Event().wait()
            finally:
                connection.terminate()  # so that the transaction cannot be rolled back

    working = asyncio.create_task(work())
    await inside.wait()
    working.cancel()
    await asyncio.wait([working])

    assert working.cancelled()


async def test_what_was_given_to_a_statement_is_not_in_its_error(engine: AsyncEngine) -> None:
    with pytest.raises(DBAPIError) as failed:
        async with engine.connect() as connection:
            await connection.execute(text("SELECT 1 / (length(:given) - 6)"), {"given": "hushed"})

    assert "division by zero" in str(failed.value)
    assert "hushed" not in str(failed.value)


async def test_what_postgresql_says_is_told_in_its_words_alone(database_url: str) -> None:
    nowhere = open_database(urlsplit(database_url)._replace(path="/none").geturl())

    with pytest.raises(DatabaseAway) as away:
        async with lent(nowhere):
            pytest.fail("there is no such database")

    assert str(away.value) == 'database "none" does not exist'
