"""What replicas share: the cache in Redis, and the key of the secrets, which a restore needs, too."""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg
from redis.asyncio import Redis
from redis.exceptions import RedisError

from executor.errors import StartRefused
from scheduler.database import plain_dsn
from scheduler.doctor.finding import Finding, fail, ok, warn
from scheduler.embedded import running_dsn
from scheduler.peers import fingerprint
from scheduler.sealed import closed_secrets, key_advice, said_of
from scheduler.secret_box import SecretBox
from scheduler.settings import Settings

_EMBEDDED = "embedded"
_PATIENCE_S = 5
_ALIVE = """SELECT api_address, key_fingerprint FROM qooerp_scheduler.schedule_replica
    WHERE heartbeat_at > now() - interval '1 minute' ORDER BY api_address"""


async def look_at_redis(settings: Settings) -> Finding:
    """Whether `redis.url` leads to a Redis; nothing fails without one."""
    url = settings.redis.url.get_secret_value()
    if not url:
        return ok("redis", "none is set: each process has a cache of its own")
    try:
        async with Redis.from_url(url, socket_connect_timeout=_PATIENCE_S) as client:
            version = (await client.info("server"))["redis_version"]
    except (RedisError, OSError, TimeoutError, ValueError) as error:
        advice = "check redis.url; until then each process has a cache of its own"
        return warn("redis", f"{type(error).__name__}: {error}", advice)
    return ok("redis", f"Redis {version} answers")


async def look_at_replicas(settings: Settings) -> Finding:
    """Whether all that share the database hold one key; keys themselves are never compared."""
    url = settings.database.url.get_secret_value()
    if url == _EMBEDDED:
        return ok("replicas", "none: the database is this process's own")
    try:
        alive = await _alive(url)
    except (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError):
        alive = []  # the schema is made, or brought along, at the next start
    except (OSError, TimeoutError, StartRefused, asyncpg.PostgresError, ValueError):
        return warn("replicas", "not known while PostgreSQL cannot be asked", "see database")
    return _compared(settings, alive)


async def look_at_secrets(settings: Settings) -> Finding:
    """Whether the key at hand opens what is sealed in the database."""
    url = settings.database.url.get_secret_value()
    try:
        dsn = running_dsn(settings.data_dir / "postgres") if url == _EMBEDDED else plain_dsn(url)
        if dsn is None:
            return ok("secrets", "not looked at while the embedded database does not run")
        connection = await asyncpg.connect(dsn, timeout=_PATIENCE_S)
        try:
            closed = await closed_secrets(connection, settings)
        finally:
            await connection.close()
    except (asyncpg.UndefinedTableError, asyncpg.InvalidCatalogNameError):
        closed = []  # nothing is there yet
    except (OSError, TimeoutError, StartRefused, asyncpg.PostgresError, ValueError):
        return warn("secrets", "not known while PostgreSQL cannot be asked", "see database")
    if closed:
        return fail("secrets", said_of(closed), key_advice(settings))
    return ok("secrets", "the key at hand opens all of them")


async def _alive(url: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(plain_dsn(url), timeout=_PATIENCE_S)
    try:
        return list(await connection.fetch(_ALIVE))
    finally:
        await connection.close()


def _compared(settings: Settings, alive: Sequence[asyncpg.Record]) -> Finding:
    prints = {row["key_fingerprint"] for row in alive}
    if settings.scheduler.secret_key:
        prints.add(fingerprint(SecretBox.of(settings)))
    if len(prints) <= 1:
        return ok("replicas", f"{len(alive)} alive, of one scheduler.secret_key")
    names = ", ".join(row["api_address"] for row in alive)
    said = f"{names} and this setup do not all have the same scheduler.secret_key"
    advice = (
        "set one scheduler.secret_key on all: else they cannot read each other's secrets and logs"
    )
    return fail("replicas", said, advice)
