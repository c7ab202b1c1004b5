"""Jobs of an Admin of 3.5 that has only its token API: no lists, so little more than the switch."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.integration.conftest import a_database
from tests.integration.xxl_service import NO_MIRROR, XxlApi, a_service_of, an_admin

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def xxl(
    tmp_path_factory: pytest.TempPathFactory, postgres: str, template: str
) -> AsyncIterator[XxlApi]:
    async with (
        an_admin("3.5") as admin,
        a_database(postgres, template) as url,
        a_service_of(admin, tmp_path_factory.mktemp("xxl"), url, **NO_MIRROR) as api,
    ):
        yield api


async def known_job(xxl: XxlApi) -> dict[str, Any]:
    """A job that has run once: that is all we can know it by."""
    rule = {"scheduleType": "FIX_RATE", "scheduleConf": "60"}
    admin_job_id = xxl.admin.add_job("sampleAsync", **rule)
    await xxl.admin.fire(admin_job_id)
    async with asyncio.timeout(20):
        while True:
            jobs = (await xxl.get("/jobs", engine="xxl"))["records"]
            if found := [job for job in jobs if job["adminJobId"] == admin_job_id]:
                job: dict[str, Any] = found[0]
                return job


async def test_a_job_is_started_and_stopped_and_deleted(xxl):
    job = await known_job(xxl)

    started = await xxl.post(f"/jobs/{job['id']}/start")
    paused = await xxl.post(f"/jobs/{job['id']}/pause")

    assert (started["status"], paused["status"]) == ("running", "paused")
    assert xxl.admin.jobs[job["adminJobId"]].is_on is False
    await xxl.delete(f"/jobs/{job['id']}")
    assert job["adminJobId"] not in xxl.admin.jobs


async def test_a_run_is_asked_for_and_its_id_is_said_to_be_unknown(xxl):
    job = await known_job(xxl)

    answer = await xxl.ask("POST", "/jobs/execute", {"jobId": job["id"], "params": "now"})

    assert (answer.status, "no lists" in answer.message) == (202, True)
    await xxl.admin.until(
        lambda: any(row.params == "now" for row in xxl.admin.rows.values()), within=20
    )


async def test_what_needs_lists_is_409_and_says_so(xxl):
    job = await known_job(xxl)

    answers = [
        await xxl.ask("PUT", f"/jobs/{job['id']}", {"version": job["version"], "params": "x"}),
        await xxl.ask("POST", "/jobs", {"jobName": "a", "handlerName": "b", "engine": "xxl"}),
    ]

    assert [answer.status for answer in answers] == [409, 409]
    assert all("since 3.5 cannot list groups" in answer.message for answer in answers)
