"""Runs of jobs of engine xxl through the REST API: begun at a played Admin, found again, killed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.integration.conftest import a_database
from tests.integration.xxl_service import NO_MIRROR, XxlApi, a_service_of, an_admin

pytestmark = pytest.mark.asyncio(loop_scope="module")
FINAL = ("succeeded", "failed", "killed", "timed_out", "interrupted", "discarded")


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=("2.4", "3.4"))
async def xxl(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    postgres: str,
    template: str,
) -> AsyncIterator[XxlApi]:
    folder = tmp_path_factory.mktemp("xxl")
    async with (
        an_admin(request.param, first_log_id=100) as admin,
        a_database(postgres, template) as url,
        a_service_of(admin, folder, url, **NO_MIRROR) as api,
    ):
        yield api


async def execute(xxl: XxlApi, job_id: int, params: str | None = None) -> int:
    answer = await xxl.post("/jobs/execute", {"jobId": job_id, "params": params})
    log_id: int = answer["logId"]
    return log_id


async def test_a_run_asked_for_here_is_found_in_the_admins_log(xxl):
    job = await xxl.an_xxl_job(handlerName="sampleAsync", params="its own")

    run = await xxl.run_in(await execute(xxl, job["id"]), *FINAL)

    assert (run["jobId"], run["params"], run["status"]) == (job["id"], "its own", "succeeded")
    (row,) = [row for row in xxl.admin.rows.values() if row.job_id == job["adminJobId"]]
    assert (row.params, run["triggerType"]) == ("its own", "admin")
    assert (run["cluster"], xxl.admin.rows[run["adminLogId"]]) == ("main", row)
    (executed, *_) = (await xxl.get("/audit", jobId=job["id"]))["records"]
    assert (executed["action"], executed["detail"]) == ("execute", {"logId": run["id"]})


async def test_a_run_of_a_job_in_a_second_group_of_ours_is_found_and_killed(xxl):
    job = await xxl.an_xxl_job(
        handlerName="wait", scheduleType="cron", cronExpression="0 0 2 * * ?"
    )
    group_id = xxl.admin.add_group(xxl.admin.groups[1].app_name, "ours too")
    xxl.admin.change_job(job["adminJobId"], jobGroup=str(group_id))

    await xxl.post(f"/jobs/{job['id']}/start")
    run = await xxl.run_in(await execute(xxl, job["id"]), "running")
    await xxl.post(f"/logs/{run['id']}/kill")

    assert (await xxl.run_in(run["id"], *FINAL))["status"] == "killed"
    assert (await xxl.get(f"/jobs/{job['id']}"))["status"] == "running"


async def test_several_runs_asked_for_at_once_are_not_confused(xxl):
    job = await xxl.an_xxl_job(handlerName="sampleAsync")
    asked = ["a", "b", "a", "", "b"]

    log_ids = await asyncio.gather(*(execute(xxl, job["id"], params) for params in asked))

    assert len(set(log_ids)) == len(asked)
    runs = [await xxl.run_in(log_id, *FINAL) for log_id in log_ids]
    assert [run["params"] for run in runs] == asked


async def test_params_that_the_admin_cannot_keep_are_422_and_begin_nothing(xxl):
    job = await xxl.an_xxl_job(handlerName="sampleAsync")

    answers = [
        await xxl.ask("POST", "/jobs/execute", {"jobId": job["id"], "params": "数" * length})
        for length in (512, 513)
    ]

    old = xxl.admin.generation < "3"
    assert [answer.status for answer in answers] == [200, 422 if old else 200]
    assert [error["field"] for error in (answers[1].data or {}).get("errors", [])] == [
        "params"
    ] * old
    runs = [row for row in xxl.admin.rows.values() if row.job_id == job["adminJobId"]]
    assert len(runs) == 2 - old


async def test_a_run_that_no_executor_takes_is_told_as_failed(xxl):
    job = await xxl.an_xxl_job(handlerName="nobodyHasThis")

    run = await xxl.run_in(await execute(xxl, job["id"]), *FINAL)

    assert (run["status"], "nobodyHasThis" in run["resultMessage"]) == ("failed", True)


async def test_a_running_run_is_killed_through_the_admin(xxl):
    job = await xxl.an_xxl_job(handlerName="wait")
    log_id = await execute(xxl, job["id"])
    await xxl.run_in(log_id, "running")

    killed = await xxl.post(f"/logs/{log_id}/kill")

    run = await xxl.run_in(log_id, *FINAL)
    (row,) = [row for row in xxl.admin.rows.values() if row.job_id == job["adminJobId"]]
    assert (killed, run["status"], row.handle_code) == ({"killed": True}, "killed", 500)


async def test_a_run_that_has_ended_is_not_killed_at_the_admin(xxl):
    job = await xxl.an_xxl_job(handlerName="sampleAsync")
    run = await xxl.run_in(await execute(xxl, job["id"]), *FINAL)
    (row,) = [row for row in xxl.admin.rows.values() if row.job_id == job["adminJobId"]]
    await xxl.admin.until(lambda: row.handle_code == 200, 20)

    assert await xxl.post(f"/logs/{run['id']}/kill") == {"killed": False}
    assert row.handle_code == 200


async def test_a_run_that_the_admin_does_not_show_is_202_and_said_so(xxl, monkeypatch):
    job = await xxl.an_xxl_job(handlerName="sampleAsync")
    monkeypatch.setattr(xxl.admin, "fire_soon", lambda *_: None)
    monkeypatch.setattr(xxl.app._admins.control.runs, "_wait_s", 0.5)

    answer = await xxl.ask("POST", "/jobs/execute", {"jobId": job["id"]})

    assert (answer.status, answer.data) == (202, None)
    assert "has not shown its row within 0.5 s" in answer.message
