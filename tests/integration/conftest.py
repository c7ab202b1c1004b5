"""PostgreSQL for the tests: one server a session, a template made once, a copy for each test.

TEST_DATABASE_URL names another server, whose user may create databases; its database is not touched.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest
import pytest_asyncio
from sqlalchemy.ext.asyncio import AsyncEngine

from executor.clock import SystemClock
from executor.testing._ports import free_port as a_free_port
from scheduler.database import create_database_if_missing, open_database, upgrade
from scheduler.embedded import EmbeddedPostgres
from scheduler.job_service import JobService
from scheduler.recorder import Recorder
from tests.integration.api_service import ALL_HANDLERS, Api, an_api
from tests.integration.redis_server import RedisServer

HASTY = {
    "fsync": "off",  # nothing here is worth a disk's time
    "full_page_writes": "off",
    "autovacuum": "off",  # looking through each new database costs more than to copy it
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs a server: CI runs it on another one, too."""
    for item in items:
        if "postgres" in getattr(item, "fixturenames", ()):
            item.add_marker("postgresql")


@pytest.fixture(scope="session")
def place() -> Iterator[Path]:
    """A folder whose parents a server may pass whoever it runs as."""
    folder = Path(tempfile.mkdtemp(prefix="qooerp-test-"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def cluster(place: Path) -> Path:
    """The data folder of a server that is stopped, for `copy_cluster`."""
    server = EmbeddedPostgres(place / "cluster", settings=HASTY)
    asyncio.run(server.start())
    asyncio.run(server.stop())
    return place / "cluster"


def copy_cluster(cluster: Path, folder: Path) -> None:
    """Make the data folder *folder*: a tenth of the time of `initdb` and of what it syncs."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cp", "-a", cluster, folder], check=True)


@pytest.fixture(scope="session")
def postgres(request: pytest.FixtureRequest, place: Path) -> Iterator[str]:
    """The DSN of a server that runs as long as the session."""
    if given := os.environ.get("TEST_DATABASE_URL"):
        yield given
        return
    copy_cluster(request.getfixturevalue("cluster"), place / "postgres")
    server = EmbeddedPostgres(place / "postgres", settings=HASTY)
    asyncio.run(server.start())
    yield server.dsn
    asyncio.run(server.stop())


def named(dsn: str, name: str) -> str:
    """*dsn* with the database *name*."""
    return urlsplit(dsn)._replace(path=f"/{name}").geturl()


async def administer(dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(named(dsn, "postgres"))
    await connection.execute(statement)
    await connection.close()


@pytest.fixture
async def empty_database_url(postgres: str) -> AsyncIterator[str]:
    name = f"qooerp_test_{secrets.token_hex(4)}"
    await create_database_if_missing(named(postgres, name))
    yield named(postgres, name)
    await administer(postgres, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def template(postgres: str) -> Iterator[str]:
    """The name of a migrated database, to copy from."""
    name = f"qooerp_template_{secrets.token_hex(4)}"

    async def make() -> None:
        await create_database_if_missing(named(postgres, name))
        await upgrade(named(postgres, name))

    asyncio.run(make())
    yield name
    asyncio.run(administer(postgres, f"DROP DATABASE {name} WITH (FORCE)"))


@asynccontextmanager
async def a_database(postgres: str, template: str) -> AsyncIterator[str]:
    """A migrated database, dropped afterwards."""
    name = f"qooerp_test_{secrets.token_hex(4)}"
    await administer(postgres, f"CREATE DATABASE {name} TEMPLATE {template}")
    yield named(postgres, name)
    await administer(postgres, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def database_url(postgres: str, template: str) -> AsyncIterator[str]:
    """A migrated database of the test's own."""
    async with a_database(postgres, template) as url:
        yield url


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(
    postgres: str, template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Api]:
    """A service on a database of its own, for all the tests of a module."""
    async with (
        a_database(postgres, template) as url,
        an_api(tmp_path_factory.mktemp("api"), url, handlers__modules=ALL_HANDLERS) as api,
    ):
        yield api


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    engine = open_database(database_url)
    yield engine
    await engine.dispose()


@pytest.fixture
def jobs(engine: AsyncEngine) -> JobService:
    return JobService(engine, SystemClock(), timezone="UTC")


@pytest.fixture
def recorder(engine: AsyncEngine) -> Recorder:
    return Recorder(engine, address="http://127.0.0.1:9999")


@pytest.fixture
async def sql(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """A plain connection, to look at what is there."""
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis server of the test's own."""
    server = RedisServer(tmp_path)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def free_port() -> int:
    """A port of 127.0.0.1 on which nobody listens."""
    return a_free_port()
