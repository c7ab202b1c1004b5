"""What an Admin has done is written down here, even when it cannot be asked about it any more."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from aiohttp import web

from tests.integration.xxl_service import (
    GENERATIONS,
    NO_MIRROR,
    XxlApi,
    a_service_of,
    an_admin,
)

NIGHTLY = {"scheduleType": "cron", "cronExpression": "0 0 2 * * ?"}


@pytest.fixture(params=GENERATIONS)
async def xxl(
    request: pytest.FixtureRequest, tmp_path: Path, database_url: str
) -> AsyncIterator[XxlApi]:
    async with (
        an_admin(request.param) as admin,
        a_service_of(admin, tmp_path, database_url, **NO_MIRROR) as api,
    ):
        yield api


@contextmanager
def mute_after(xxl: XxlApi, *done: str) -> Iterator[None]:
    """Have the Admin answer no list any more once it has done one of these."""
    seen: set[str] = set()

    def look(path: str) -> None:
        seen.add(path.partition("/")[2])
        if seen & set(done) and path.endswith("pageList"):
            raise web.HTTPInternalServerError

    xxl.admin.before_page = look
    yield
    xxl.admin.before_page = None


async def test_a_change_that_the_admin_has_made_is_written_down_though_no_list_follows(xxl):
    job = await xxl.an_xxl_job(**NIGHTLY)
    with mute_after(xxl, "start"):
        started = await xxl.ask("POST", f"/jobs/{job['id']}/start")
    with mute_after(xxl, "update"):
        change = {"version": 2, "params": "x", "description": "ours"}
        updated = await xxl.ask("PUT", f"/jobs/{job['id']}", change)

    assert (started.status, updated.status) == (200, 200)
    now = await xxl.get(f"/jobs/{job['id']}")
    assert (now["status"], now["params"], now["description"]) == ("running", "x", "ours")
    page = await xxl.get("/audit", jobId=job["id"])
    assert [row["action"] for row in page["records"]] == ["update", "start", "create"]


async def test_a_job_that_the_admin_has_made_is_here_though_no_list_follows(xxl):
    said = {"engine": "xxl", "jobName": "new", "handlerName": "note", "description": "ours"}

    with mute_after(xxl, "add", "insert"):
        made = await xxl.ask("POST", "/jobs", said)

    assert made.status == 200
    assert xxl.on_wire(made.data)["jobDesc"] == "new"
    assert (made.data["jobName"], made.data["description"]) == ("new", "ours")
    assert await xxl.get(f"/jobs/{made.data['id']}") == made.data
