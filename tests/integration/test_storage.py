"""A server that may only be read is left, and nothing is kept of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from scheduler.settings import load
from scheduler.storage import Storage
from tests.integration.engine_service import settings_for, until


@pytest.fixture
async def standby(tmp_path: Path, database_url: str) -> AsyncIterator[Storage]:
    """The service's way to a server on which its connections can only read."""
    url = f"{database_url}?default_transaction_read_only=on"
    storage = Storage(load(None, settings_for(tmp_path, url)))
    await storage.open()
    yield storage
    await storage.close()


async def _pid(connection: AsyncConnection) -> int:
    return int(await connection.scalar(text("SELECT pg_backend_pid()")))


async def test_a_standby_does_not_take_what_is_to_be_kept(standby: Storage) -> None:
    assert not await standby.takes()


async def test_a_connection_to_a_standby_that_is_in_use_as_it_is_left_is_ended_later(
    standby: Storage, sql: asyncpg.Connection
) -> None:
    engine = standby.engine
    async with engine.connect() as busy:
        left = await _pid(busy)
        assert not await standby.takes()

    async with engine.connect() as one, engine.connect() as other:
        assert left not in (await _pid(one), await _pid(other))
    await until(
        lambda: sql.fetchval("SELECT count(*) FROM pg_stat_activity WHERE pid = $1", left),
        lambda alive: alive == 0,
    )
