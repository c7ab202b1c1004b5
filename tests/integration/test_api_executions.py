"""Runs that people ask for over HTTP: executed, refused, discarded."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from typing import Any

import pytest

from scheduler.engine.link import DatabaseAway
from tests.integration.api_service import an_api

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_job_is_executed_by_hand_and_leaves_a_log_and_statistics(api):
    job = await api.a_job(handlerName="sampleText", params="of the job")

    usual = await api.a_run(job["id"])
    special = await api.a_run(job["id"], "of the run")

    assert (usual["status"], usual["triggerType"], usual["attempt"]) == ("succeeded", "api", 1)
    assert (usual["params"], special["params"]) == ("of the job", "of the run")
    statistics = await api.get(f"/statistics/job/{job['id']}")
    assert (statistics["executeCount"], statistics["successCount"]) == (2, 2)
    assert (await api.get(f"/jobs/{job['id']}"))["status"] == "stopped"


@pytest.mark.parametrize("path", [(), ("start",), ("start", "pause")])
async def test_a_job_can_be_executed_in_any_status(api, path):
    job = await api.a_job()
    for action in path:
        await api.post(f"/jobs/{job['id']}/{action}")

    assert (await api.a_run(job["id"]))["status"] == "succeeded"


async def test_an_execution_that_is_refused_says_why(api):
    job = await api.a_job(handlerName="nobodyKnowsMe")

    answer = await api.ask("POST", "/jobs/execute", {"jobId": job["id"]})

    assert (answer.status, answer.message) == (409, "job handler [nobodyKnowsMe] not found.")
    unknown = await api.ask("POST", "/jobs/execute", {"jobId": 987654321})
    assert (unknown.status, unknown.message) == (404, "there is no job 987654321")


async def test_a_run_that_is_refused_with_discard_later_is_discarded_and_no_failure(api):
    retried = {"retryStrategy": "fixed", "retryCount": 3}
    job = await api.a_job(handlerName="wait", blockStrategy="DISCARD_LATER", **retried)
    first = await api.post("/jobs/execute", {"jobId": job["id"]})
    await api.run_in(first["logId"], "running")

    refused = await api.ask("POST", "/jobs/execute", {"jobId": job["id"]})
    while not (found := await api.get("/logs", jobId=job["id"], status="discarded"))["records"]:
        pass
    await api.post(f"/logs/{first['logId']}/kill")
    await api.ended(first["logId"])

    assert refused.status == 409
    assert len(found["records"]) == 1
    statistics = await api.get(f"/statistics/job/{job['id']}")
    counted = ("executeCount", "failCount", "discardCount", "lastStatus")
    assert [statistics[name] for name in counted] == [1, 1, 1, "killed"]
    assert (await api.get("/logs", jobId=job["id"]))["total"] == 2
    assert (await api.get("/notifies", jobId=job["id"]))["records"] == []


async def test_an_execution_without_its_handler_changes_nothing(api):
    job = await api.a_job(handlerName="nobodyKnowsMe")

    answer = await api.ask("POST", "/jobs/execute", {"jobId": job["id"]})

    assert (answer.status, answer.message) == (409, "job handler [nobodyKnowsMe] not found.")
    assert (await api.get(f"/jobs/{job['id']}/logs"))["records"] == []
    assert (await api.get(f"/statistics/job/{job['id']}"))["failCount"] == 0
    assert [one["action"] for one in (await api.get("/audit", jobId=job["id"]))["records"]] == [
        "create"
    ]


async def test_a_replica_that_begins_no_runs_any_more_says_503_and_leaves_nothing_of_it(
    tmp_path, database_url
):
    async with an_api(tmp_path, database_url) as api:
        job = await api.a_job()
        assert api.app.executor is not None
        api.app.executor.dispatcher.close_doors()

        refused = await api.ask("POST", "/jobs/execute", {"jobId": job["id"]})
        unknown = await api.ask("POST", "/jobs/execute", {"jobId": 987654321})

        audit = await api.get("/audit", jobId=job["id"])
        runs = await api.get("/logs", jobId=job["id"])
    assert (refused.status, refused.message) == (
        503,
        "this executor is shutting down, use another node",
    )
    assert unknown.status == 404
    assert [change["action"] for change in audit["records"]] == ["create"]
    assert runs["records"] == []


async def test_an_execution_whose_caller_has_gone_fails_in_silence(tmp_path, free_port):
    said = list[dict[str, Any]]()
    asyncio.get_running_loop().set_exception_handler(lambda _, context: said.append(context))
    url = f"postgresql://x@127.0.0.1:{free_port}/none"
    async with an_api(tmp_path, url, wait=False) as api:
        assert api.app.local is not None
        gone = asyncio.create_task(api.app.local.control.execute(1))
        await asyncio.sleep(0)  # it has asked
        gone.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await gone
        with pytest.raises(DatabaseAway):  # is asked after the first one
            await api.app.local.control.execute(1)
    gc.collect()  # what nobody has caught is told of then
    asyncio.get_running_loop().set_exception_handler(None)

    assert said == []
