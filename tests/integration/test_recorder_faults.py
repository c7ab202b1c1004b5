"""A record that is refused, cut off or cancelled loses and doubles nothing."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from scheduler.database import SCHEMA, open_database
from scheduler.recorder import Recorder, RecorderUnavailable
from tests.integration.recorded import everything_counted, rows
from tests.reports import a_report


async def test_a_server_that_is_not_there_is_said_to_be_unavailable(free_port: int) -> None:
    engine = open_database(f"postgresql://me:pw@127.0.0.1:{free_port}/db")

    with pytest.raises(RecorderUnavailable, match=r"refused|Connect call failed"):
        await Recorder(engine).record([a_report()])
    await engine.dispose()


@pytest.mark.parametrize("cuts", [1, 2])
async def test_a_connection_cut_in_the_middle_loses_and_doubles_nothing(
    recorder: Recorder, database_url: str, sql: asyncpg.Connection, cuts: int
) -> None:
    """Cut once, it is recorded at the second try; cut twice, when it is handed in again."""
    other = await asyncpg.connect(database_url)
    await recorder.record([a_report(log_id=1)])
    async with other.transaction():
        await other.execute(f"LOCK TABLE {SCHEMA}.schedule_daily IN EXCLUSIVE MODE")
        recording = asyncio.create_task(recorder.record([a_report(log_id=2)]))
        for _ in range(cuts):
            await cut_the_waiting(sql)
        if cuts > 1:
            with pytest.raises(RecorderUnavailable):
                await recording

    await (recorder.record([a_report(log_id=2)]) if cuts > 1 else recording)

    assert await everything_counted(sql) == (2, 2, 0, 0, 0, 100)
    await other.close()


async def cut_the_waiting(sql: asyncpg.Connection) -> None:
    """End the backend that waits for a lock, as soon as there is one; it is gone then."""
    cut = """SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock'"""
    async with asyncio.timeout(10):
        while not await sql.fetch(cut):  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_connections_that_died_in_the_pool_are_not_noticed(
    recorder: Recorder, sql: asyncpg.Connection
) -> None:
    await asyncio.gather(*(recorder.record([a_report(log_id=n)]) for n in range(4)))
    await sql.execute(
        """SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()"""
    )

    await recorder.record([a_report(log_id=9)])

    assert len(await rows(sql)) == 5


async def test_a_record_cancelled_in_the_middle_leaves_no_connection_in_doubt(
    recorder: Recorder, database_url: str, sql: asyncpg.Connection
) -> None:
    other = await asyncpg.connect(database_url)
    async with other.transaction():
        await other.execute(f"LOCK TABLE {SCHEMA}.schedule_daily IN EXCLUSIVE MODE")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await recorder.record([a_report()])

    await recorder.record([a_report()])

    assert await everything_counted(sql) == (1, 1, 0, 0, 0, 50)
    await other.close()


async def test_a_zone_that_postgres_does_not_know_loses_nothing(
    engine: AsyncEngine, sql: asyncpg.Connection
) -> None:
    with pytest.raises(RecorderUnavailable, match='time zone "Mars/Olympus"'):
        await Recorder(engine, timezone="Mars/Olympus").record([a_report()])

    assert await rows(sql) == []


async def test_a_missing_schema_is_unavailable_not_refused(empty_database_url: str) -> None:
    engine = open_database(empty_database_url)

    with pytest.raises(RecorderUnavailable, match="does not exist"):
        await Recorder(engine).record([a_report()])
    await engine.dispose()
