"""The way to PostgreSQL: engines, the database itself, and its migrations."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import asyncpg
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import Connection, ExceptionContext, event, text
from sqlalchemy.exc import InvalidatePoolError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from executor import forks
from executor.errors import StartRefused

SCHEMA = "qooerp_scheduler"
OLDEST_SERVER = 15
STATEMENT_FAILED = (
    SQLAlchemyError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # the connection was cut between two messages of a statement
)
"""What a statement may end with; beside OSError, for a server that is not there."""
SESSION = {
    "application_name": "qooerp-scheduler",
    "timezone": "UTC",
    "plan_cache_mode": "force_generic_plan",
}
"""PostgreSQL's settings for each connection. The same statements come again and again: to plan one
anew, for the partition of every month too, often takes longer than what it does."""
_MISUSED = ("the server expects ", "the number of query arguments ", "query argument ")
"""How asyncpg's words begin where a statement and its values do not go together."""
MIGRATION_LOCK = 0x716F6F6572700001
"""Key of the advisory lock that lets one replica migrate while the others wait."""


def open_database(url: str, *, pool_size: int = 10, patience_s: float | None = 60) -> AsyncEngine:
    """An engine on *url*, any DSN that libpq knows; nothing is connected yet.

    A statement that takes longer than *patience_s* fails; None: it takes as long as it does.
    asyncpg reads the DSN itself, so that sslmode, several hosts and password files work, and
    the engine's own URL, which SQLAlchemy may log, holds no password.
    """
    dsn = plain_dsn(url)

    async def create() -> asyncpg.Connection:
        return await connect(dsn, command_timeout=patience_s, server_settings=SESSION)

    engine = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=create,
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_timeout=10,
        pool_recycle=1800,
        hide_parameters=True,  # what people have given is nothing for a log
    )
    event.listen(engine.sync_engine, "checkout", _refuse_closed)
    event.listen(engine.sync_engine, "handle_error", _leave_standby)
    return engine


async def connect(dsn: str, **how: Any) -> asyncpg.Connection:
    """A connection that forks of handlers do not keep.

    Else the server keeps it, and what it has locked, while one of them outlives us.
    """
    connection = await asyncpg.connect(dsn, timeout=10, **how)
    socket = connection._transport.get_extra_info("socket")
    if socket is not None:  # else the server has closed it already
        descriptors = [socket.fileno()]
        forks.keep(descriptors)
        connection.add_termination_listener(lambda _: forks.leave(descriptors))
    return connection


def is_mistaken(error: BaseException) -> bool:
    """Whether *error* is of a statement that PostgreSQL would never take: it has not gone."""
    return isinstance(error, asyncpg.DataError) or (
        isinstance(error, asyncpg.InterfaceError) and str(error).startswith(_MISUSED)
    )


def end_if_cancelled(error: BaseException) -> None:
    """Raise CancelledError where our task is to end: then *error* is of what it did to tidy up.

    Else a task that is cancelled while PostgreSQL hangs takes that for one more failure, and goes on.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError from error


def said(error: BaseException) -> str:
    """What PostgreSQL, or the driver, has said, in one line; SQLAlchemy adds names of its own."""
    words = str(getattr(error, "orig", None) or error)
    return words.splitlines()[0] if words else type(error).__name__


def _refuse_closed(adapted: Any, *_: object) -> None:
    """Never lend a connection that died in the pool; the server's others will have died too."""
    if adapted.driver_connection.is_closed():
        raise InvalidatePoolError


def _leave_standby(context: ExceptionContext) -> None:
    """Keep no connection to one: what is primary by now may be behind the same address.

    Those that are in use are ended once they are to be lent again. (`dispose` would forget them,
    and nothing would ever end them.)
    """
    error = context.original_exception
    if isinstance(error.__cause__, asyncpg.ReadOnlySQLTransactionError):
        context.is_disconnect = True


def plain_dsn(url: str) -> str:
    """*url* as libpq writes it: without SQLAlchemy's driver name."""
    scheme, mark, rest = url.partition("://")
    if not mark or scheme.partition("+")[0] not in ("postgresql", "postgres"):
        raise StartRefused("database.url must be 'embedded' or start with postgresql://")
    return f"postgresql://{rest}"


async def create_database_if_missing(url: str) -> bool:
    """Make the database that *url* names, through its server's `postgres`; whether it was missing."""
    dsn = plain_dsn(url)
    try:
        connection = await connect(dsn)
    except asyncpg.InvalidCatalogNameError:
        await _create_database(dsn)
        return True
    await connection.close()
    return False


async def _create_database(dsn: str) -> None:
    name = _database_of(dsn).replace('"', '""')
    connection = await connect(dsn, database="postgres")
    try:
        # two replicas at once: the loser sees either of these
        with suppress(asyncpg.DuplicateDatabaseError, asyncpg.UniqueViolationError):
            await connection.execute(f'CREATE DATABASE "{name}"')
    except asyncpg.InsufficientPrivilegeError as error:
        raise StartRefused(
            f"the database {name} does not exist and this user may not create it:"
            f" have it created (createdb {name})"
        ) from error
    finally:
        await connection.close()


def _database_of(dsn: str) -> str:
    parts = urlsplit(dsn)
    query = parse_qs(parts.query)
    named = query.get("dbname") or query.get("database") or [unquote(parts.path.lstrip("/"))]
    return named[-1]


async def upgrade(url: str) -> None:
    """Bring the database to this code's schema; replicas that start together take turns.

    That takes as long as it does: what was cut off would begin anew. Raises StartRefused for a
    server that is too old, or a schema that is newer than this code.
    """
    async with _connected(url) as connection:
        for limit in ("statement_timeout", "lock_timeout"):  # the server's own
            await connection.execute(text(f"SET LOCAL {limit} = 0"))
        await connection.execute(
            text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK}
        )
        await _refuse_old_server(connection)
        await _refuse_newer_schema(connection)
        await connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
        await connection.run_sync(_run_migrations)


@asynccontextmanager
async def _connected(url: str) -> AsyncIterator[AsyncConnection]:
    engine = open_database(url, pool_size=1, patience_s=None)
    try:
        async with engine.begin() as connection:
            yield connection
    finally:
        await engine.dispose()


async def _refuse_old_server(connection: AsyncConnection) -> None:
    said = str(await connection.scalar(text("SHOW server_version")))
    if int(re.split(r"\D", said, maxsplit=1)[0]) < OLDEST_SERVER:
        raise StartRefused(f"PostgreSQL {said} is too old: {OLDEST_SERVER} or newer is needed")


async def _refuse_newer_schema(connection: AsyncConnection) -> None:
    table = f"{SCHEMA}.alembic_version"
    if await connection.scalar(text("SELECT to_regclass(:table)"), {"table": table}) is None:
        return
    known = ScriptDirectory.from_config(_alembic())
    for revision in await connection.scalars(text(f"SELECT version_num FROM {table}")):
        try:
            known.get_revision(revision)
        except CommandError:
            raise StartRefused(
                f"the database has schema revision {revision}, which this version does not know:"
                " a newer qooerp-scheduler has been here; run that version, or restore a backup"
            ) from None


def _alembic() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


def _run_migrations(connection: Connection) -> None:
    config = _alembic()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
