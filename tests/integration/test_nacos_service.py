"""The whole service at a Nacos: listed while it runs, and never held up."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from scheduler.app import SchedulerApp
from scheduler.settings import load
from tests.contract.fake_nacos import FakeNacos
from tests.integration.executor_service import environment, until


def service(folder: Path, database_url: str, nacos: str) -> SchedulerApp:
    chosen = {"database__url": database_url, "scheduler__port": 0}
    return SchedulerApp(load(None, environment(folder, **chosen, nacos__server_addresses=nacos)))


async def stopped(app: SchedulerApp) -> None:
    hurry = asyncio.Event()
    hurry.set()
    await app.stop(hurry=hurry)


@pytest.mark.parametrize("generation", ["v1", "v3"])
async def test_a_service_is_found_by_its_name_while_it_runs(
    tmp_path: Path, database_url: str, generation: str
) -> None:
    async with FakeNacos(generation) as nacos:
        app = service(tmp_path, database_url, f"127.0.0.1:1,{nacos.address}")
        await app.start()
        await until(lambda: nacos.instances, "registered")
        [host] = nacos.instances.values()
        assert host["port"] == app.port
        await stopped(app)

        assert not nacos.instances


async def test_a_nacos_that_hangs_holds_up_neither_start_nor_stop(
    tmp_path: Path, database_url: str
) -> None:
    async with FakeNacos("v3") as nacos:
        nacos.hold.clear()
        app = service(tmp_path, database_url, nacos.address)
        async with asyncio.timeout(20):
            await app.start()
        async with asyncio.timeout(20):
            await stopped(app)
