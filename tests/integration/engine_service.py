"""A whole service for tests of the engine, in this process, and jobs put in by SQL."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from scheduler.app import SchedulerApp
from scheduler.engine.local import LocalEngine
from scheduler.settings import load
from tests.integration.executor_service import Service, environment

SCHEMA = "qooerp_scheduler"
HANDLERS = "tests.integration.engine_handlers"
"""None of them is of a process, so no process is kept for them: half of what a start costs."""
LIMIT_S = 30.0
_LOOK_EVERY_S = 0.02


def service_settings(url: str, **settings: object) -> dict[str, object]:
    chosen: dict[str, object] = {
        "database__url": url,
        "scheduler__port": 0,
        "handlers__modules": HANDLERS,
    }
    return chosen | settings


def settings_for(folder: Path, url: str, **settings: object) -> dict[str, str]:
    return environment(folder, **service_settings(url, **settings))


@asynccontextmanager
async def a_service(folder: Path, url: str, **settings: object) -> AsyncIterator[SchedulerApp]:
    """A service in this process, its engine running; no part of it may die."""
    app = SchedulerApp(load(None, settings_for(folder, url, **settings)))
    await app.start()
    try:
        async with asyncio.timeout(LIMIT_S):
            await app.storage.ready.wait()
        yield app
        assert not app.failed.done(), app.failed.exception()
    finally:
        await app.stop()


class Replica(Service):
    """A service in a process of its own: one of several on a database."""

    face = "serve"

    def __init__(self, folder: Path, url: str, **settings: object) -> None:
        folder.mkdir()
        super().__init__(folder, **service_settings(url, **settings))


def soon(seconds: float = 0) -> datetime:
    return datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=seconds)


async def add_job(sql: asyncpg.Connection, **columns: Any) -> int:
    """Put in a running local job; the columns of `schedule_job` as keywords."""
    values: dict[str, Any] = {
        "job_no": f"JOB-{time.monotonic_ns()}",
        "job_name": "a job",
        "handler_name": "note",
        "schedule_type": "none",
        "status": "running",
    } | columns
    names = ", ".join(values)
    marks = ", ".join(f"${n}" for n in range(1, len(values) + 1))
    job_id = await sql.fetchval(
        f"INSERT INTO {SCHEMA}.schedule_job ({names}) VALUES ({marks}) RETURNING id",
        *values.values(),
    )
    await sql.execute(
        'SELECT pg_notify(\'qooerp_scheduler\', format(\'{"kind": "job", "id": %s}\', $1::int))',
        job_id,
    )
    return int(job_id)


async def add_dependency(sql: asyncpg.Connection, job_id: int, *parents: int) -> None:
    for parent in parents:
        await sql.execute(
            f"INSERT INTO {SCHEMA}.schedule_dependency (job_id, parent_id) VALUES ($1, $2)",
            *(job_id, parent),
        )


async def due(sql: asyncpg.Connection, job_id: int) -> datetime | None:
    """When the job is due next, by its row."""
    query = f"SELECT next_run_time FROM {SCHEMA}.schedule_job WHERE id = $1"
    moment: datetime | None = await sql.fetchval(query, job_id)
    return moment


async def runs_of(sql: asyncpg.Connection, *job_ids: int) -> list[asyncpg.Record]:
    """The rows of `schedule_log`, oldest first."""
    return list(
        await sql.fetch(
            f"SELECT * FROM {SCHEMA}.schedule_log WHERE job_id = ANY ($1) ORDER BY trigger_time, id",
            job_ids,
        )
    )


async def ended(
    sql: asyncpg.Connection, *job_ids: int, count: int, within: float = LIMIT_S
) -> list[asyncpg.Record]:
    """Wait until the jobs have *count* final runs; these, oldest first."""

    async def there() -> list[asyncpg.Record]:
        rows = await runs_of(sql, *job_ids)
        return [row for row in rows if row["status"] not in ("queued", "running")]

    rows: list[asyncpg.Record] = await until(there, lambda rows: len(rows) >= count, within)
    return rows


async def settled(sql: asyncpg.Connection, within: float = LIMIT_S) -> None:
    """Wait until no fire is without its end."""
    count = f"SELECT count(*) FROM {SCHEMA}.schedule_fire"
    await until(lambda: sql.fetchval(count), lambda left: left == 0, within)


async def attempt_planned(sql: asyncpg.Connection) -> None:
    """Wait until some job is to be tried again."""
    count = f"SELECT count(*) FROM {SCHEMA}.schedule_fire WHERE state = 'planned' AND attempt = 2"
    await until(lambda: sql.fetchval(count), lambda planned: planned == 1)


async def make_due(sql: asyncpg.Connection) -> None:
    """Have planned attempts fire now: until their moment they are in nobody's timer."""
    await sql.execute(
        f"UPDATE {SCHEMA}.schedule_fire SET fire_time = date_trunc('milliseconds', now())"
        " WHERE state = 'planned' AND attempt > 1"
    )


async def until(ask: Any, holds: Any, within: float = LIMIT_S) -> Any:
    """Ask the database until its answer *holds*; that answer."""
    end = time.monotonic() + within
    while not holds(answer := await ask()):
        assert time.monotonic() < end, f"did not come true, the last answer was {answer}"
        await asyncio.sleep(_LOOK_EVERY_S)
    return answer


async def reconnect(engine: AsyncEngine) -> None:
    """Have it lend no connection that is open now, as after a standby: settings of a database
    hold for those to come. `dispose` would forget those that are in use, and leave them open.
    """
    with suppress(DBAPIError):
        async with engine.connect() as connection:
            await connection.exec_driver_sql("DO $$ BEGIN RAISE read_only_sql_transaction; END $$")


def local(app: SchedulerApp) -> LocalEngine:
    """The engine of a service that has an executor."""
    assert app.local is not None
    return app.local
