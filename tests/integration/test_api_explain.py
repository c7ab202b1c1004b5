"""Why a job did or did not run, as people are told over HTTP."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.integration.engine_service import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

DAILY = {"scheduleType": "cron", "cronExpression": "0 0 9 * * ?", "timezone": "Asia/Shanghai"}


async def reasons(api: Any, job_id: int) -> dict[str, str]:
    found = await api.get(f"/jobs/{job_id}/explain")
    return {reason["code"]: reason["message"] for reason in found["reasons"]}


async def test_a_job_that_was_never_started_is_explained(api):
    job = await api.a_job(**DAILY)

    assert await reasons(api, job["id"]) == {
        "stopped": "it is stopped: it runs only when it is executed",
        "never_ran": "it has never run",
    }
    assert (await api.ask("GET", "/jobs/987654321/explain")).status == 404


async def test_a_job_that_is_not_due_yet_is_explained(api):
    job = await api.a_job(**DAILY)
    await api.post(f"/jobs/{job['id']}/start")

    found = await api.get(f"/jobs/{job['id']}/explain")

    assert found["engines"] >= 1
    assert found["reasons"][0]["code"] == "due"
    assert found["reasons"][0]["message"].endswith("09:00:00 CST")


async def test_a_run_that_failed_is_explained_by_its_message(api):
    job = await api.a_job(handlerName="failUntil", params="9")
    run = await api.a_run(job["id"])

    told = (await reasons(api, job["id"]))["last_run"]

    assert told.startswith(f"run {run['id']}, asked for by api at ")
    assert told.endswith(": failed. attempt 1 fails")


async def test_a_fixed_delay_whose_run_is_under_way_is_explained(api):
    rule = {"scheduleType": "interval", "intervalSeconds": 1, "intervalMode": "fixed_delay"}
    job = await api.a_job(handlerName="wait", status="running", **rule)
    await until(lambda: api.get("/logs", jobId=job["id"], status="running"), lambda p: p["records"])

    told = await reasons(api, job["id"])
    fires = await api.get(f"/jobs/{job['id']}/next-fires")
    await api.delete(f"/jobs/{job['id']}")

    assert told["after_run"] == "it is due again 1 s after the run that is under way has ended"
    assert (job["intervalMode"], fires["fires"]) == ("fixed_delay", [])


async def test_a_run_under_way_is_explained(api):
    job = await api.a_job(handlerName="wait")
    executed = await api.post("/jobs/execute", {"jobId": job["id"]})
    await api.run_in(executed["logId"], "running")

    told = await reasons(api, job["id"])
    await api.post(f"/logs/{executed['logId']}/kill")

    assert told["under_way"].startswith(f"run {executed['logId']} is under way since ")


async def test_a_job_that_runs_once_and_is_at_it_is_not_said_to_have_no_future(api):
    now = datetime.now(UTC).isoformat()
    job = await api.a_job(handlerName="wait", scheduleType="once", runAt=now, status="running")
    found = await until(
        lambda: api.get("/logs", jobId=job["id"], status="running"), lambda page: page["records"]
    )

    told = await reasons(api, job["id"])
    await api.post(f"/logs/{found['records'][0]['id']}/kill")

    assert "under_way" in told
    assert "no_future" not in told


async def test_a_job_whose_only_day_has_become_a_day_off_is_explained(api):
    await api.put("/calendars/closed", {"closingDays": []})
    once = {"scheduleType": "once", "runAt": "2999-01-01T00:00:00", "calendarName": "closed"}
    job = await api.a_job(status="running", **once)
    await api.put("/calendars/closed", {"closingDays": ["2999-01-01"]})

    told = await reasons(api, job["id"])

    assert "calendar or rule has taken away its last time, 2999-01-01 00:00:00" in told["put_aside"]


async def test_a_due_run_that_waits_for_other_jobs_is_explained(api):
    parent = await api.a_job()
    job = await api.a_job(
        scheduleType="interval", intervalSeconds=1, dependsOn=[parent["id"]], status="running"
    )

    while "waits" not in (told := await reasons(api, job["id"])):
        pass
    await api.post(f"/jobs/{job['id']}/stop")

    assert told["waits"].endswith(f"for jobs: {parent['id']}")


async def test_a_job_without_its_handler_is_explained(api):
    job = await api.a_job(handlerName="nobodyKnowsMe")

    told = await reasons(api, job["id"])

    assert told["no_handler"] == "no handler [nobodyKnowsMe] is registered here: it would fail"
