"""The whole service under measurement, and PostgreSQL beside it on the same cores."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

import asyncpg
import psutil

from bench.folders import folder_for_now
from bench.ours import COMMAND, PATH
from bench.target import Place, Running, Target, cpu_of, running
from bench.targets import OURS
from scheduler.database import SESSION, create_database_if_missing, upgrade
from scheduler.embedded import EmbeddedPostgres

SCHEMA = "qooerp_scheduler"


def only_ours(target: Target) -> bool:
    """For scenarios of the service, which the executor's peers are not."""
    return target is OURS


@dataclass(frozen=True, slots=True)
class Server:
    """A PostgreSQL that has begun."""

    dsn: str
    pid: int

    def of(self, database: str) -> str:
        """The DSN of another database of it."""
        return urlsplit(self.dsn)._replace(path=f"/{database}").geturl()

    def cpu_seconds(self) -> float:
        """CPU time used so far by it, its living and its ended processes."""
        server = psutil.Process(self.pid)
        ended = server.cpu_times()
        living = sum(cpu_of(process.pid) for process in [server, *server.children()])
        return living + ended.children_user + ended.children_system


@asynccontextmanager
async def stoppable(**settings: str) -> AsyncIterator[EmbeddedPostgres]:
    """The embedded PostgreSQL as users have it, but for *settings*; swept away at the end."""
    with folder_for_now("bench-pg-") as folder:
        embedded = EmbeddedPostgres(folder / "postgres", settings=settings)
        await embedded.start()
        try:
            yield embedded
        finally:
            await embedded.stop()


@asynccontextmanager
async def postgres(**settings: str) -> AsyncIterator[Server]:
    """The same, for whom it runs all the time."""
    async with stoppable(**settings) as embedded:
        yield server_of(embedded)


def server_of(embedded: EmbeddedPostgres) -> Server:
    """What runs now."""
    assert embedded.pid is not None
    return Server(embedded.dsn, embedded.pid)


@asynccontextmanager
async def migrated(server: Server) -> AsyncIterator[asyncpg.Connection]:
    """A connection to the service's database, which has the schema and nothing in it."""
    await create_database_if_missing(server.dsn)
    await upgrade(server.dsn)
    connection = await asyncpg.connect(server.dsn, server_settings=SESSION)
    try:
        yield connection
    finally:
        with suppress(OSError, asyncpg.InterfaceError):
            await connection.close()


@contextmanager
def service(server: Server, *, cores: str = "0,1", **settings: object) -> Iterator[Running]:
    """A service on *server*, on these cores; *settings* as `engine__batch=1`."""
    with running(_target(server.dsn, settings, cores), admin_url="") as started:
        yield started


def _target(dsn: str, settings: dict[str, object], cores: str) -> Target:
    def environment(place: Place) -> dict[str, str]:
        chosen: dict[str, object] = {
            "executor__port": place.port,
            "scheduler__port": 0,
            "database__url": dsn,
            "handlers__modules": '["bench.handlers"]',
            "data_dir": place.folder / "data",
            "logging__level": "warning",
        }
        found = {f"QOOERP_{key.upper()}": str(value) for key, value in (chosen | settings).items()}
        return found | {"PYTHONPATH": str(PATH)}

    return Target(
        name="the service",
        command=lambda _: [str(COMMAND), "serve"],
        env=environment,
        needs=COMMAND,
        cores=cores,
    )
