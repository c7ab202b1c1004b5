"""Consoles to hold the contract against: fakes of every generation, and real ones that are named.

XXL_ADMIN_URLS is a comma list of base addresses with a role 1 user of the tests' own in each,
`http://user:password@127.0.0.1:8080/xxl-job-admin`; XXL_ADMIN_TOKEN is their access token.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit, urlunsplit

import aiohttp
import pytest

from admin_bridge.console import AdminLog, Console, ConsoleConfig, JobFields, open_console
from executor.app import ExecutorApp
from executor.testing.fake_console import FakeConsole
from scheduler.settings import load
from tests.integration.executor_service import environment

APP_NAME = "qooerp-scheduler"
TOKEN = "s3cret"
USER, PASSWORD = "qooerp", "console-pass"
ZONE = "Asia/Shanghai"
FAKES = ["2.2", "2.4", "3.2", "3.4"]
DAILY = "0 30 3 * * ?"
LIMIT_S = 20.0

Value = TypeVar("Value")
NO_LIVE = "no real Admin: set XXL_ADMIN_URLS to run this against one"

_URLS = [url.strip() for url in os.environ.get("XXL_ADMIN_URLS", "").split(",") if url.strip()]
LIVE = [pytest.param(url, marks=pytest.mark.live_admin) for url in _URLS] or [
    pytest.param("", marks=[pytest.mark.live_admin, pytest.mark.skip(NO_LIVE)])
]
EVERYWHERE = [*FAKES, *LIVE]


@dataclass(slots=True)
class Place:
    """A console that is signed in to, and a group in which tests may do as they like."""

    console: Console
    config: ConsoleConfig
    group_id: int
    session: aiohttp.ClientSession
    fake: FakeConsole | None
    jobs: list[int] = field(default_factory=list)

    async def add(self, handler: str, name: str = "a job", **fields: Any) -> int:
        """Add a job with a daily schedule that is off; it is removed after the test."""
        daily = JobFields(
            self.group_id,
            name,
            "tests",
            handler=handler,
            schedule_type="CRON",
            schedule_conf=DAILY,
        )
        job_id = await self.console.add_job(replace(daily, **fields))
        self.jobs.append(job_id)
        return job_id

    async def rows(self, job_id: int) -> tuple[AdminLog, ...]:
        return (await self.console.logs(group_id=self.group_id, job_id=job_id)).rows

    async def row(self, job_id: int, holds: Callable[[AdminLog], bool]) -> AdminLog:
        """The newest row of a job once *holds* is true of it."""

        async def found() -> AdminLog | None:
            rows = await self.rows(job_id)
            return rows[0] if rows and holds(rows[0]) else None

        return await eventually(found)

    def another(self) -> Awaitable[Console]:
        """A second console with the same user, as in another process."""
        return open_console(self.session, self.config)


async def eventually(look: Callable[[], Awaitable[Value | None]]) -> Value:
    """What *look* gives once that is something; AssertionError after LIMIT_S."""
    end = time.monotonic() + LIMIT_S
    while (value := await look()) is None:
        assert time.monotonic() < end, "it did not come"
        await asyncio.sleep(0.05)
    return value


@asynccontextmanager
async def a_place(where: str) -> AsyncIterator[Place]:
    """The console of a generation, or that at an address."""
    if where.startswith("http"):
        async with a_client(live_config(where)) as place:
            yield place
        return
    async with FakeConsole(where, TOKEN, APP_NAME, zone=ZONE) as fake:
        fake.add_user(USER, PASSWORD)
        async with a_client(config_of(fake), fake) as place:
            yield place


@asynccontextmanager
async def a_client(config: ConsoleConfig, fake: FakeConsole | None = None) -> AsyncIterator[Place]:
    async with aiohttp.ClientSession() as session:
        console = await open_console(session, config)
        groups = [one for one in await console.groups() if one.app_name == APP_NAME]
        group = groups[0] if groups else await console.add_group(APP_NAME, "qooerp")
        place = Place(console, config, group.id, session, fake)
        try:
            yield place
        finally:
            for job_id in place.jobs:
                await console.remove_job(job_id)
            await console.aclose()


def config_of(fake: FakeConsole, *before: str) -> ConsoleConfig:
    """A fake's configuration, with the addresses *before* its own."""
    return ConsoleConfig("main", (*before, fake.url), USER, PASSWORD, TOKEN, APP_NAME)


def live_config(url: str) -> ConsoleConfig:
    parts = urlsplit(url)
    bare = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    token = os.environ.get("XXL_ADMIN_TOKEN", "default_token")
    return ConsoleConfig("live", (bare,), user, password, token, APP_NAME)


@asynccontextmanager
async def an_executor_of(place: Place, folder: Path) -> AsyncIterator[str]:
    """The address of an executor that takes runs from this place's Admin, and calls back."""
    known = {
        "admin__addresses": ",".join(place.config.addresses),
        "admin__access_token": place.config.access_token,
    }
    app = ExecutorApp(load(None, environment(folder, **known)))
    await app.start()
    try:
        yield f"http://127.0.0.1:{app.port}"
    finally:
        hurry = asyncio.Event()
        hurry.set()
        await app.stop(hurry=hurry)
