"""No trigger fails while two nodes are restarted one after the other: only a real Admin can tell.

It takes three minutes an Admin, which looks into its registry every 30 s.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from admin_bridge.console import AdminGroup, AdminLog, JobFields
from tests.contract.console_places import LIVE, Place, a_place
from tests.integration.executor_service import Service

APP_NAME = "qooerp-rolling"
LIMIT_S = 90.0
EVERY_S = 0.1


@pytest.fixture(params=LIVE)
async def place(request):
    async with a_place(request.param) as place:
        yield place


async def group(place: Place) -> AdminGroup | None:
    groups = await place.console.groups()
    return next((one for one in groups if one.app_name == APP_NAME), None)


async def routed(place: Place, *nodes: Service) -> None:
    """Wait until triggers go to these nodes and no other."""
    end = time.monotonic() + LIMIT_S
    wanted = {node.url for node in nodes}
    while (found := await group(place)) is None or set(found.addresses) != wanted:
        assert time.monotonic() < end, f"not routed to {wanted}: {found}"
        await asyncio.sleep(EVERY_S)


def node(place: Place, folder: Path) -> Service:
    folder.mkdir()
    known: dict[str, object] = {
        "admin__addresses": ",".join(place.config.addresses),
        "admin__access_token": place.config.access_token,
        "executor__app_name": APP_NAME,
        "executor__drain_seconds": 35,
        "executor__stop_grace_seconds": 30,
    }
    return Service(folder, **known)


@asynccontextmanager
async def triggered_all_along(place: Place, jobs: list[int]) -> AsyncIterator[list[int]]:
    """Trigger the jobs in turn; gives the list that grows by each that was triggered."""
    sent: list[int] = []
    enough = asyncio.Event()

    async def go_on() -> None:
        while not enough.is_set():
            job = jobs[len(sent) % len(jobs)]
            await place.console.trigger_job(job, params=str(len(sent)))
            sent.append(job)
            await asyncio.sleep(EVERY_S)

    triggering = asyncio.create_task(go_on())
    try:
        yield sent
    finally:
        enough.set()
        await triggering


async def rows(place: Place, group_id: int, job: int, wanted: int) -> list[AdminLog]:
    """All rows of a job, once each of the *wanted* has a result or could not be triggered."""
    end = time.monotonic() + LIMIT_S
    while True:
        page = await place.console.logs(group_id=group_id, job_id=job, limit=10_000)
        settled = [row for row in page.rows if row.handle_code or row.trigger_code not in (0, 200)]
        if len(settled) >= wanted or time.monotonic() > end:
            return list(page.rows)
        await asyncio.sleep(EVERY_S)


async def test_no_trigger_fails_while_two_nodes_are_restarted_one_after_the_other(
    place: Place, tmp_path: Path
) -> None:
    ours = await group(place) or await place.console.add_group(APP_NAME, "rolling")
    fields = JobFields(ours.id, "rolling", "tests", handler="echo")
    for route in ("FAILOVER", "ROUND"):
        place.jobs.append(await place.console.add_job(replace(fields, route=route)))
    async with node(place, tmp_path / "a") as first, node(place, tmp_path / "b") as second:
        await routed(place, first, second)
        async with triggered_all_along(place, place.jobs) as sent:
            for leaving, staying in ((first, second), (second, first)):
                leaving.signal(signal.SIGTERM)
                await routed(place, staying)
                assert await leaving.exit_code() == 0
                await leaving.start()
                await routed(place, first, second)
        seen = [await rows(place, ours.id, job, sent.count(job)) for job in place.jobs]

    assert [len(some) for some in seen] == [sent.count(job) for job in place.jobs]
    assert {(row.trigger_code, row.handle_code) for some in seen for row in some} == {(200, 200)}
