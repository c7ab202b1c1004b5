"""Many jobs at once over HTTP: started, stopped, exported, imported."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.asyncio(loop_scope="module")

NIGHTLY = {"scheduleType": "cron", "cronExpression": "0 0 2 * * ?", "timezone": "Asia/Shanghai"}


async def test_several_jobs_are_started_and_stopped_at_once(api):
    jobs = [(await api.a_job())["id"] for _ in range(2)]

    started = await api.post("/jobs/batch/start", {"ids": [*jobs, 987654321]})
    stopped = await api.post("/jobs/batch/stop", {"ids": jobs})

    assert [one["ok"] for one in started] == [True, True, False]
    assert started[2]["message"] == "there is no job 987654321"
    assert [one["ok"] for one in stopped] == [True, True]


async def test_a_time_is_exported_in_the_zone_of_its_job(api):
    once = {"scheduleType": "once", "runAt": "2999-01-01T00:00:00", "timezone": "Asia/Shanghai"}
    await api.a_job(jobGroup="zoned", **once)

    exported = await api.get("/jobs/export", jobGroup="zoned")

    assert exported["jobs"][0]["runAt"] == "2999-01-01T00:00:00+08:00"


async def test_jobs_of_an_old_export_whose_times_have_passed_are_imported_as_stopped(api):
    new = {"handlerName": "note", "status": "running", "timezone": "Asia/Shanghai"}
    once = {"jobName": "once", "scheduleType": "once", "runAt": "2020-01-01T00:00:00+08:00"}
    last = {"jobName": "last", "scheduleType": "cron", "cronExpression": "0 0 0 1 1 ? 2020"}
    nightly = {"jobName": "nightly"} | NIGHTLY

    imported = await api.post(
        "/jobs/import", {"jobs": [new | job for job in (once, last, nightly)]}
    )

    assert [job["status"] for job in imported] == ["stopped", "stopped", "running"]
    assert imported[0]["runAt"] == once["runAt"]
    started = await api.ask("POST", f"/jobs/{imported[0]['id']}/start")
    assert (started.status, started.message) == (
        409,
        "the time at which it was to run has passed: change runAt first",
    )


async def test_jobs_are_exported_and_imported_all_or_none(api):
    await api.a_job(jobName="one", jobGroup="moved", configs={"k": "v"}, **NIGHTLY)
    await api.a_job(jobName="two", jobGroup="moved")
    exported = await api.get("/jobs/export", jobGroup="moved")

    imported = await api.post("/jobs/import", exported)
    broken = {"jobs": [exported["jobs"][0], exported["jobs"][1] | {"timezone": "Mars/Base"}]}
    answer = await api.ask("POST", "/jobs/import", broken)

    assert [job["jobName"] for job in imported] == ["one", "two"]
    assert imported[0]["configs"] == {"k": "v"}
    assert (answer.status, answer.message) == (
        422,
        "jobs.1.timezone: 'Mars/Base' is no IANA time zone",
    )
    assert (await api.get("/jobs", jobGroup="moved"))["total"] == 4
