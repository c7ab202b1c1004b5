"""The service's PostgreSQL: brought along or somebody's, brought up to this code's schema."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from executor.errors import StartRefused
from executor.outbox import pause_s
from scheduler.database import (
    SCHEMA,
    STATEMENT_FAILED,
    create_database_if_missing,
    open_database,
    plain_dsn,
    said,
    upgrade,
)
from scheduler.embedded import EmbeddedPostgres
from scheduler.settings import Settings

_log = structlog.get_logger(__name__)
_EMBEDDED = "embedded"
_FOLDER = "postgres"
_AWAY = (OSError, *STATEMENT_FAILED)
_REFUSE_STANDBY = """DO $$ BEGIN
  IF current_setting('transaction_read_only')::boolean THEN RAISE read_only_sql_transaction; END IF;
END $$"""
"""Fails as a statement that writes would: the engine then leaves the server, see database.py."""


class Storage:
    """One database, from the start of the service to its end.

    A server of somebody's that is away does not keep the service from starting: runs are
    accepted and recorded later.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._url = settings.database.url.get_secret_value()
        self._embedded = (
            EmbeddedPostgres(settings.data_dir / _FOLDER) if self._url == _EMBEDDED else None
        )
        self.ready = asyncio.Event()
        """The schema is this code's."""

    async def open(self) -> AsyncEngine:
        """An engine on it. Raise StartRefused."""
        if self._embedded is not None:
            await self._embedded.start()
            self._url = self._embedded.dsn
        self.engine = open_database(self._url, pool_size=self._settings.database.pool_size)
        if self._embedded is not None:
            await self._prepare()
        return self.engine

    async def keep(self) -> None:
        """Prepare somebody's server once it is there; start ours again when it has died."""
        await _persist(self._prepare)
        while self._embedded is not None:
            status = await self._embedded.wait()
            _log.error("postgresql_died", status=status)
            await _persist(self._embedded.start)

    async def close(self) -> None:
        await self.engine.dispose()
        if self._embedded is not None:
            await self._embedded.stop()

    @property
    def dsn(self) -> str:
        """Where it is, with its password: never log it. Known once it is open."""
        return plain_dsn(self._url)

    def psql_hint(self) -> str:
        """How a person gets in; the password stays in its file."""
        if self._embedded is None:
            return "psql with the DSN of database.url"
        server = urlsplit(self._url)
        password = self._settings.data_dir / _FOLDER / "password"
        return (
            f"PGOPTIONS='-c search_path={SCHEMA}' "
            f'PGPASSWORD="$(cat {password})" psql -h {server.hostname} -p {server.port}'
            f" -U {server.username} {server.path.lstrip('/')}"
        )

    async def takes(self) -> bool:
        """Whether it answers and takes what is to be kept now; a standby does not."""
        try:
            async with asyncio.timeout(2):
                async with self.engine.connect() as connection:
                    await connection.exec_driver_sql(_REFUSE_STANDBY)
        except (*_AWAY, TimeoutError):
            return False
        return True

    async def _prepare(self) -> None:
        if self.ready.is_set():
            return
        await create_database_if_missing(self._url)
        await upgrade(self._url)
        self.ready.set()


@asynccontextmanager
async def prepared(settings: Settings) -> AsyncIterator[Storage]:
    """The service's database for a command, its schema brought along. Raise StartRefused."""
    storage = Storage(settings)
    await storage.open()
    try:
        await _try_once(storage)
        yield storage
    except STATEMENT_FAILED as error:
        raise StartRefused(f"PostgreSQL has failed: {said(error)}") from error
    finally:
        await storage.close()


async def _try_once(storage: Storage) -> None:
    try:
        await storage._prepare()
    except OSError as error:
        raise StartRefused(f"database.url: PostgreSQL cannot be reached: {error}") from error


async def _persist(step: Callable[[], Awaitable[None]]) -> None:
    """Do *step*, however often it takes; StartRefused is not retried."""
    failures = 0
    while True:
        try:
            return await step()
        except _AWAY as error:
            failures += 1
            if failures == 1:
                _log.warning("postgresql_away", reason=said(error))
            await asyncio.sleep(pause_s(failures))
