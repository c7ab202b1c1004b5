"""What an Admin has done is written down here, even when it cannot be asked about it any more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.integration.api_service import LIMIT_S
from tests.integration.engine_service import reconnect
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


class _Triggered:
    """Keeps the row of a run from being seen in the first looks after its trigger."""

    def __init__(self, xxl: XxlApi, looks: int) -> None:
        self._looks = looks
        self._asked = asyncio.Event()
        self._xxl = xxl
        xxl.admin.before_page = self._look

    async def came(self) -> None:
        await asyncio.wait_for(self._asked.wait(), LIMIT_S)

    def show(self) -> None:
        self._looks = 0

    def _look(self, path: str) -> None:
        if path.endswith("trigger"):
            self._asked.set()
        elif self._asked.is_set() and path.endswith("pageList") and self._looks:
            self._looks -= 1
            raise web.HTTPInternalServerError


async def _asked_for(xxl: XxlApi) -> tuple[_Triggered, asyncio.Task[Any]]:
    """A run that the Admin was asked for, and whose row it does not show yet."""
    job = await xxl.an_xxl_job(**NIGHTLY, handlerName="sampleAsync")
    triggered = _Triggered(xxl, looks=1000)
    body = {"jobId": job["id"], "params": "x"}
    asking = asyncio.create_task(xxl.ask("POST", "/jobs/execute", body))
    await triggered.came()
    return triggered, asking


async def test_a_run_that_was_asked_for_is_told_though_the_server_ends_what_rests(
    xxl, sql, database_url
):
    job = await xxl.an_xxl_job(**NIGHTLY, handlerName="sampleAsync")
    name = database_url.rpartition("/")[2].partition("?")[0]
    await sql.execute(f'ALTER DATABASE "{name}" SET idle_in_transaction_session_timeout = 1000')
    await reconnect(xxl.app.storage.engine)
    _Triggered(xxl, looks=5)  # for more than 2 s

    answer = await xxl.ask("POST", "/jobs/execute", {"jobId": job["id"], "params": "x"})

    assert answer.status == 200
    assert len(xxl.admin.rows) == 1


async def test_a_run_that_was_asked_for_is_told_though_its_turn_was_cut_off(xxl, sql):
    triggered, asking = await _asked_for(xxl)
    assert await sql.fetchval(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_locks WHERE locktype = 'advisory'"
        " AND classid = 1903717425"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    triggered.show()

    assert (await asking).status == 200


async def test_a_run_that_was_asked_for_and_cannot_be_written_down_is_202(xxl, sql):
    triggered, asking = await _asked_for(xxl)
    await sql.execute("ALTER TABLE qooerp_scheduler.schedule_mirror RENAME TO away")
    triggered.show()

    answer = await asking

    assert answer.status == 202
    (log_id,) = xxl.admin.rows
    assert f"whose log id there is {log_id}" in answer.message
