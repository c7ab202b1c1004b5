"""Jobs of engine xxl through the REST API: done at a played Admin of each generation, seen here."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from scheduler.dependency_store import set_parents
from tests.integration.conftest import a_database
from tests.integration.xxl_service import (
    GENERATIONS,
    NO_MIRROR,
    ZONE,
    XxlApi,
    a_service_of,
    an_admin,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")
NIGHTLY = {"scheduleType": "cron", "cronExpression": "0 0 2 * * ?"}


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=GENERATIONS)
async def xxl(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    postgres: str,
    template: str,
) -> AsyncIterator[XxlApi]:
    folder = tmp_path_factory.mktemp("xxl")
    async with (
        an_admin(request.param) as admin,
        a_database(postgres, template) as url,
        a_service_of(admin, folder, url, **NO_MIRROR) as api,
    ):
        yield api


async def actions_on(xxl: XxlApi, job_id: int) -> list[tuple[str, str]]:
    """What the audit has on a job, oldest first: who, and what."""
    page = await xxl.get("/audit", jobId=job_id)
    return [(row["actor"], row["action"]) for row in page["records"][::-1]]


async def test_a_job_is_made_at_the_admin_and_seen_here_at_once(xxl):
    said = {
        "jobName": "月末结账",
        "description": "closes the month",
        "handlerName": "note",
        "params": '{"a": 1}',
        **NIGHTLY,
        "misfirePolicy": "skip",
        "blockStrategy": "COVER_EARLY",
        "timeoutSeconds": 60,
        "retryCount": 3,
        "configs": {"smtp.host": "mail"},
    }

    job = await xxl.an_xxl_job(**said)

    assert {name: job[name] for name in said} == said
    assert job["jobNo"] == f"XXL-main-{job['adminJobId']}"
    assert (job["status"], job["timezone"], job["version"]) == ("stopped", ZONE, 1)
    assert await xxl.get(f"/jobs/{job['id']}") == job
    form = xxl.on_wire(job)
    assert (form["jobDesc"], form["executorHandler"]) == ("月末结账", "note")
    assert (form["scheduleType"], form["scheduleConf"]) == ("CRON", "0 0 2 * * ?")
    assert (form["misfireStrategy"], form["executorBlockStrategy"]) == ("DO_NOTHING", "COVER_EARLY")
    assert (form["executorTimeout"], form["executorFailRetryCount"]) == ("60", "3")
    assert (form["executorParam"], form["author"]) == ('{"a": 1}', "a admin")
    assert await actions_on(xxl, job["id"]) == [("a admin", "create")]


async def test_a_job_that_is_to_run_is_started_at_the_admin(xxl):
    job = await xxl.an_xxl_job(**NIGHTLY, status="running")

    assert (job["status"], xxl.admin.jobs[job["adminJobId"]].is_on) == ("running", True)
    assert job["nextRunTime"].endswith("+08:00")


async def test_a_change_reaches_the_admin_and_leaves_its_own_fields_alone(xxl):
    job = await xxl.an_xxl_job(**NIGHTLY)
    xxl.admin.change_job(job["adminJobId"], executorRouteStrategy="ROUND", alarmEmail="a@b.c")
    before = dict(xxl.on_wire(job))

    changed = await xxl.put(
        f"/jobs/{job['id']}",
        {"version": 1, "scheduleType": "interval", "intervalSeconds": 30, "description": "new"},
    )

    expected = before | {"scheduleType": "FIX_RATE", "scheduleConf": "30"}
    assert xxl.on_wire(job) == expected
    assert (changed["version"], changed["intervalSeconds"]) == (2, 30)
    assert (changed["description"], changed["cronExpression"]) == ("new", None)
    assert (await actions_on(xxl, job["id"]))[-1] == ("a admin", "update")


async def test_a_change_of_what_is_ours_alone_does_not_touch_the_admin(xxl):
    job = await xxl.an_xxl_job()
    before = xxl.admin.jobs[job["adminJobId"]].updated_ms

    changed = await xxl.put(
        f"/jobs/{job['id']}", {"version": 1, "configs": {"k": "v"}, "description": "d"}
    )

    assert (changed["configs"], changed["description"], changed["version"]) == ({"k": "v"}, "d", 2)
    assert xxl.admin.jobs[job["adminJobId"]].updated_ms == before


async def test_a_change_made_in_the_console_meanwhile_is_409_and_then_known(xxl):
    job = await xxl.an_xxl_job(params="ours")
    xxl.admin.change_job(job["adminJobId"], executorParam="theirs")

    refused = await xxl.ask("PUT", f"/jobs/{job['id']}", {"version": 1, "timeoutSeconds": 5})

    assert (refused.status, "console meanwhile" in refused.message) == (409, True)
    now = await xxl.get(f"/jobs/{job['id']}")
    assert (now["params"], now["timeoutSeconds"], now["version"]) == ("theirs", 0, 2)
    assert (await actions_on(xxl, job["id"]))[-1] == ("admin:main", "update")
    again = await xxl.put(f"/jobs/{job['id']}", {"version": 2, "timeoutSeconds": 5})
    assert (again["params"], again["timeoutSeconds"]) == ("theirs", 5)


async def test_an_old_version_is_409_and_the_admin_is_not_asked(xxl):
    job = await xxl.an_xxl_job()
    await xxl.put(f"/jobs/{job['id']}", {"version": 1, "params": "x"})

    refused = await xxl.ask("PUT", f"/jobs/{job['id']}", {"version": 1, "params": "y"})

    assert (refused.status, xxl.on_wire(job)["executorParam"]) == (409, "x")


async def test_what_the_admin_cannot_do_is_422_by_field_and_changes_nothing(xxl):
    count = len(xxl.admin.jobs)
    job = await xxl.an_xxl_job()

    made = await xxl.ask(
        "POST", "/jobs", {"jobName": "a", "handlerName": "b", "engine": "xxl", "dependsOn": [1]}
    )
    changed = await xxl.ask(
        "PUT", f"/jobs/{job['id']}", {"version": 1, "misfirePolicy": "fire_all"}
    )

    assert (made.status, made.data["errors"][0]["field"]) == (422, "dependsOn")
    assert (changed.status, changed.data["errors"][0]["field"]) == (422, "misfirePolicy")
    assert len(xxl.admin.jobs) == count + 1


async def test_a_job_is_started_paused_resumed_and_stopped_there_and_here(xxl):
    job = await xxl.an_xxl_job(**NIGHTLY)
    theirs = xxl.admin.jobs[job["adminJobId"]]

    seen = []
    for action in ("start", "pause", "resume", "stop"):
        answer = await xxl.post(f"/jobs/{job['id']}/{action}")
        seen.append((answer["status"], theirs.is_on, answer["nextRunTime"] is not None))

    assert seen == [
        ("running", True, True),
        ("paused", False, False),
        ("running", True, True),
        ("stopped", False, False),
    ]
    actions = [action for _, action in await actions_on(xxl, job["id"])]
    assert actions == ["create", "start", "pause", "resume", "stop"]


async def test_what_the_status_does_not_allow_is_409(xxl):
    job = await xxl.an_xxl_job()

    refused = await xxl.ask("POST", f"/jobs/{job['id']}/pause")

    assert (refused.status, "a stopped job cannot pause" in refused.message) == (409, True)


async def test_a_job_that_the_console_has_started_can_be_paused_at_once(xxl):
    job = await xxl.an_xxl_job(**NIGHTLY)
    xxl.admin.switch(job["adminJobId"], on=True)

    paused = await xxl.post(f"/jobs/{job['id']}/pause")

    assert (paused["status"], xxl.admin.jobs[job["adminJobId"]].is_on) == ("paused", False)


async def test_several_jobs_are_started_and_stopped_together_with_local_ones(xxl):
    ids = [(await xxl.an_xxl_job(**NIGHTLY))["id"], (await xxl.a_job(**NIGHTLY))["id"]]

    started = await xxl.post("/jobs/batch/start", {"ids": [*ids, 999_999]})
    stopped = await xxl.post("/jobs/batch/stop", {"ids": ids})

    assert [one["ok"] for one in started] == [True, True, False]
    assert [one["ok"] for one in stopped] == [True, True]


async def test_a_deleted_job_is_gone_there_and_here(xxl):
    job = await xxl.an_xxl_job(configs={"k": "v"})

    await xxl.delete(f"/jobs/{job['id']}")

    assert job["adminJobId"] not in xxl.admin.jobs
    assert (await xxl.ask("GET", f"/jobs/{job['id']}")).status == 404
    assert (await actions_on(xxl, job["id"]))[-1] == ("a admin", "delete")


async def test_a_job_that_others_depend_on_stays_there_too(xxl):
    job = await xxl.an_xxl_job()
    child = await xxl.a_job()
    async with xxl.app.storage.engine.begin() as connection:  # from before that was refused
        await set_parents(connection, child["id"], [job["id"]])

    refused = await xxl.ask("DELETE", f"/jobs/{job['id']}")

    assert (refused.status, refused.message) == (409, f"jobs depend on it: {child['id']}")
    assert job["adminJobId"] in xxl.admin.jobs


async def test_what_the_admin_refuses_is_502_in_its_words_and_changes_nothing(xxl):
    job = await xxl.an_xxl_job()

    refused = await xxl.ask("POST", f"/jobs/{job['id']}/start")  # a job without a schedule

    assert (refused.status, bool(refused.message)) == (502, True)
    now = await xxl.get(f"/jobs/{job['id']}")
    assert (now["status"], now["version"]) == ("stopped", 1)


async def test_a_job_that_cannot_be_started_is_taken_back(xxl):
    count = len(xxl.admin.jobs)

    refused = await xxl.ask(
        "POST",
        "/jobs",
        {"jobName": "a", "handlerName": "b", "engine": "xxl", "status": "running"},
    )

    assert (refused.status, len(xxl.admin.jobs)) == (502, count)


async def test_an_admin_that_is_away_is_502_and_changes_nothing(xxl):
    job = await xxl.an_xxl_job(**NIGHTLY)

    async with xxl.admin.fault("unreachable"):
        answers = [
            await xxl.ask("POST", f"/jobs/{job['id']}/start"),
            await xxl.ask("PUT", f"/jobs/{job['id']}", {"version": 1, "params": "x"}),
            await xxl.ask("DELETE", f"/jobs/{job['id']}"),
            await xxl.ask("POST", "/jobs/execute", {"jobId": job["id"]}),
        ]

    assert [answer.status for answer in answers] == [502] * 4
    assert await xxl.get(f"/jobs/{job['id']}") == job
