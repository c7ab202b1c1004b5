"""A sign of life, sent while all is well and no longer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from scheduler.alarms.deadman import Deadman
from tests.integration.alarm_service import raised
from tests.integration.engine_service import LIMIT_S, a_service, add_job, soon


class Monitor:
    """A monitor that expects signs of life."""

    def __init__(self) -> None:
        self.bodies: asyncio.Queue[object] = asyncio.Queue()
        self.status = 200
        self.url = ""

    async def take(self, request: web.Request) -> web.Response:
        await self.bodies.put(await request.json())
        return web.Response(status=self.status)

    async def sign(self) -> object:
        async with asyncio.timeout(LIMIT_S):
            return await self.bodies.get()


@pytest.fixture
async def monitor() -> AsyncIterator[Monitor]:
    monitor = Monitor()
    app = web.Application()
    app.router.add_post("/secret-path", monitor.take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    monitor.url = f"http://127.0.0.1:{runner.addresses[0][1]}/secret-path"
    yield monitor
    await runner.cleanup()


async def called(deadman: Deadman) -> None:
    """Wait until the call that is under way has its answer."""
    assert deadman._calling is not None
    await asyncio.wait([deadman._calling], timeout=LIMIT_S)


async def test_a_service_that_is_well_says_so(tmp_path, database_url, monitor):
    async with a_service(tmp_path, database_url, alarms__deadman_url=monitor.url):
        assert await monitor.sign() == {"status": "ok"}


async def test_a_service_with_overdue_fires_says_nothing(tmp_path, database_url, sql, monitor):
    job = await add_job(
        sql,
        schedule_type="interval",
        interval_seconds=60,
        next_run_time=soon(-3600),
    )
    quiet = {"engine__enabled": False, "alarms__deadman_url": monitor.url}
    async with a_service(tmp_path, database_url, **quiet):
        await raised(sql, job)
        assert monitor.bodies.empty()


async def test_a_monitor_that_refuses_is_told_of_once_and_without_its_url(monitor):
    monitor.status = 500
    deadman = Deadman(monitor.url, every_s=0)
    with capture_logs() as events:
        for _ in range(3):
            deadman.all_is_well()
            await monitor.sign()
            await called(deadman)

    assert [event["event"] for event in events] == ["deadman_unreachable"]
    assert events[0]["status"] == 500
    assert "secret" not in str(events)


async def test_without_a_url_nobody_is_called():
    deadman = Deadman("", every_s=0)

    deadman.all_is_well()

    assert deadman._calling is None
