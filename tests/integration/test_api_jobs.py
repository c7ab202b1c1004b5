"""Stage two of the seed: jobs are made, read, changed, deleted, controlled and executed over HTTP."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

pytestmark = pytest.mark.asyncio(loop_scope="module")

NIGHTLY = {"scheduleType": "cron", "cronExpression": "0 0 2 * * ?", "timezone": "Asia/Shanghai"}


async def test_a_new_job_has_a_readable_unique_number(api):
    first, second = await api.a_job(), await api.a_job()

    today = f"{datetime.now(UTC):%Y%m%d}"
    assert re.fullmatch(rf"JOB-{today}-\d{{6,}}", first["jobNo"])
    assert first["jobNo"] != second["jobNo"]


async def test_a_new_job_is_kept_as_it_was_said(api):
    said = {
        "jobName": "月末结账",
        "jobGroup": "finance",
        "description": "closes the month",
        "handlerName": "note",
        "params": '{"a": 1}',
        **NIGHTLY,
        "misfirePolicy": "skip",
        "blockStrategy": "DISCARD_LATER",
        "timeoutSeconds": 60,
        "retryStrategy": "exponential",
        "retryCount": 3,
        "retryIntervalSeconds": 5,
        "retryMaxIntervalSeconds": 50,
        "configs": {"smtp.host": "mail", "limit": "5"},
    }

    made = await api.post("/jobs", said)

    kept = await api.get(f"/jobs/{made['id']}")
    assert kept == made
    assert {name: kept[name] for name in said} == said
    assert (kept["status"], kept["version"], kept["engine"]) == ("stopped", 1, "local")


async def test_making_a_job_keeps_its_configs_and_begins_its_statistics(api):
    job = await api.a_job(configs={"k": "v"})

    statistics = await api.get(f"/statistics/job/{job['id']}")
    assert (statistics["executeCount"], statistics["successRate"]) == (0, 0)
    assert (await api.get(f"/jobs/{job['id']}"))["configs"] == {"k": "v"}


async def test_a_job_is_read_by_its_id_and_an_unknown_id_is_404(api):
    job = await api.a_job(jobName="found")

    assert (await api.get(f"/jobs/{job['id']}"))["jobName"] == "found"
    for method, path in (("GET", ""), ("PUT", ""), ("DELETE", ""), ("POST", "/start")):
        body = {"version": 1} if method == "PUT" else None
        answer = await api.ask(method, f"/jobs/987654321{path}", body)
        assert (answer.status, answer.message) == (404, "there is no job 987654321")


async def test_jobs_are_listed_by_page_and_by_cursor(api):
    made = [(await api.a_job(jobGroup="paged"))["id"] for _ in range(5)]

    first = await api.get("/jobs", jobGroup="paged", size=2)
    second = await api.get("/jobs", jobGroup="paged", size=2, current=2)
    followed = await api.get("/jobs", jobGroup="paged", size=2, cursor=first["cursor"])
    last = await api.get("/jobs", jobGroup="paged", size=2, current=3)
    whole = await api.get("/jobs", jobGroup="paged", size=5)

    assert (first["total"], first["pages"], first["size"], first["current"]) == (5, 3, 2, 1)
    seen = [job["id"] for page in (first, second, last) for job in page["records"]]
    assert seen == made[::-1]
    assert followed["records"] == second["records"]
    assert (last["cursor"], whole["cursor"]) == (None, None)


async def test_jobs_are_listed_by_condition(api):
    nightly = await api.a_job(jobName="Nightly 100% run", jobGroup="conditions", **NIGHTLY)
    other = await api.a_job(jobName="other", jobGroup="conditions", handlerName="wait")
    await api.post(f"/jobs/{nightly['id']}/start")

    async def found(**conditions: object) -> list[int]:
        page = await api.get("/jobs", jobGroup="conditions", **conditions)
        return [job["id"] for job in page["records"]]

    assert await found() == [other["id"], nightly["id"]]
    assert await found(jobName="nightly") == [nightly["id"]]
    assert await found(jobName="0%25") == [nightly["id"]]
    assert await found(jobName="_") == []
    assert await found(status="running") == [nightly["id"]]
    assert await found(scheduleType="none") == [other["id"]]
    assert await found(handlerName="wait") == [other["id"]]
    assert await found(engine="xxl") == []


async def test_an_update_changes_what_it_names_and_nothing_else(api):
    job = await api.a_job(description="before", **NIGHTLY)

    changed = await api.put(f"/jobs/{job['id']}", {"version": 1, "jobName": "after"})

    differing = {name for name in job if job[name] != changed[name]}
    assert differing == {"jobName", "version", "updateTime"}
    assert changed["version"] == 2


async def test_a_job_can_be_sent_back_as_it_was_read(api):
    job = await api.a_job(configs={"k": "v"}, **NIGHTLY)
    await api.post(f"/jobs/{job['id']}/start")
    read = await api.get(f"/jobs/{job['id']}")

    changed = await api.put(f"/jobs/{job['id']}", read | {"description": "new"})

    assert changed["description"] == "new"
    assert changed["nextRunTime"] == read["nextRunTime"]


@pytest.mark.parametrize(
    ("field", "value"), [("status", "running"), ("jobNo", "JOB-1"), ("id", 1), ("engine", "xxl")]
)
async def test_an_update_cannot_change_what_is_not_its_own(api, field, value):
    job = await api.a_job()

    answer = await api.ask("PUT", f"/jobs/{job['id']}", {"version": 1, field: value})

    assert answer.status == 422
    assert answer.data["errors"][0]["field"] == field
    assert await api.get(f"/jobs/{job['id']}") == job


async def test_an_update_changes_the_configs(api):
    job = await api.a_job(configs={"stays": "1", "changes": "1", "goes": "1"})

    changed = await api.put(
        f"/jobs/{job['id']}", {"version": 1, "configs": {"stays": "1", "changes": "2", "new": "3"}}
    )

    assert changed["configs"] == {"stays": "1", "changes": "2", "new": "3"}


async def test_an_update_finds_the_next_run_anew(api):
    job = await api.a_job(**NIGHTLY)
    started = await api.post(f"/jobs/{job['id']}/start")

    changed = await api.put(
        f"/jobs/{job['id']}", {"version": started["version"], "cronExpression": "0 30 4 * * ?"}
    )

    assert started["nextRunTime"].endswith("T02:00:00+08:00")
    assert changed["nextRunTime"].endswith("T04:30:00+08:00")


async def test_an_update_of_an_old_version_is_refused(api):
    job = await api.a_job()
    await api.put(f"/jobs/{job['id']}", {"version": 1, "jobName": "first"})

    answer = await api.ask("PUT", f"/jobs/{job['id']}", {"version": 1, "jobName": "second"})

    assert (answer.status, answer.message) == (409, "version 1 is not the current one: it is 2")
    assert (await api.get(f"/jobs/{job['id']}"))["jobName"] == "first"
    unversioned = await api.ask("PUT", f"/jobs/{job['id']}", {"jobName": "third"})
    assert (unversioned.status, unversioned.message) == (422, "version: Field required")


async def test_a_deleted_job_is_gone_its_configs_too_and_its_row_stays(api):
    job = await api.a_job(configs={"k": "v"}, jobGroup="doomed", **NIGHTLY)
    await api.post(f"/jobs/{job['id']}/start")

    assert await api.delete(f"/jobs/{job['id']}") is None

    assert (await api.ask("GET", f"/jobs/{job['id']}")).status == 404
    assert (await api.ask("DELETE", f"/jobs/{job['id']}")).status == 404
    assert (await api.get("/jobs", jobGroup="doomed"))["records"] == []
    row = await row_of(api, job["id"])
    assert row["deleted_at"] is not None
    assert (row["status"], row["next_run_time"]) == ("stopped", None)
    assert row["configs"] == 0


async def row_of(api: Any, job_id: int) -> Any:
    query = """SELECT j.*, (SELECT count(*) FROM qooerp_scheduler.schedule_config c
        WHERE c.job_id = j.id) AS configs FROM qooerp_scheduler.schedule_job j WHERE id = $1"""
    async with api.app.storage.engine.connect() as connection:
        driver = (await connection.get_raw_connection()).driver_connection
        return await driver.fetchrow(query, job_id)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (("start",), "running"),
        (("start", "stop"), "stopped"),
        (("start", "pause"), "paused"),
        (("start", "pause", "resume"), "running"),
        (("start", "pause", "stop"), "stopped"),
    ],
)
async def test_a_job_is_started_stopped_paused_and_resumed(api, path, expected):
    job = await api.a_job(**NIGHTLY)

    for action in path:
        job = await api.post(f"/jobs/{job['id']}/{action}")

    assert job["status"] == expected
    assert (job["nextRunTime"] is not None) == (expected == "running")
    kept = await api.get(f"/jobs/{job['id']}")
    assert (kept["status"], kept["nextRunTime"]) == (job["status"], job["nextRunTime"])


@pytest.mark.parametrize(
    ("path", "refused", "allowed"),
    [
        ((), "stop", "start, execute"),
        ((), "pause", "start, execute"),
        ((), "resume", "start, execute"),
        (("start",), "start", "stop, pause, execute"),
        (("start",), "resume", "stop, pause, execute"),
        (("start", "pause"), "start", "resume, stop, execute"),
        (("start", "pause"), "pause", "resume, stop, execute"),
    ],
)
async def test_what_the_status_does_not_allow_is_409_and_says_what_is(api, path, refused, allowed):
    job = await api.a_job(**NIGHTLY)
    for action in path:
        job = await api.post(f"/jobs/{job['id']}/{action}")

    answer = await api.ask("POST", f"/jobs/{job['id']}/{refused}")

    assert answer.status == 409
    assert answer.message == f"a {job['status']} job cannot {refused}; allowed are: {allowed}"
    assert (await api.get(f"/jobs/{job['id']}"))["version"] == job["version"]


async def test_what_a_change_answers_is_what_is_read_afterwards(api):
    first, second = await api.a_job(), await api.a_job()
    parents = [second["id"], first["id"], second["id"]]

    job = await api.a_job(dependsOn=parents, **NIGHTLY)

    assert job == await api.get(f"/jobs/{job['id']}")
    for action in ("start", "pause", "resume", "stop"):
        assert await api.post(f"/jobs/{job['id']}/{action}") == await api.get(f"/jobs/{job['id']}")


async def test_a_rule_without_a_future_cannot_be_started(api):
    job = await api.a_job(scheduleType="cron", cronExpression="0 0 0 1 1 ? 2020")

    answer = await api.ask("POST", f"/jobs/{job['id']}/start")

    assert answer.status == 409
    assert "no time in the future" in answer.message


async def test_a_started_interval_job_runs_by_itself(api):
    job = await api.a_job(scheduleType="interval", intervalSeconds=1)

    await api.post(f"/jobs/{job['id']}/start")
    run = await first_run_of(api, job["id"])
    await api.post(f"/jobs/{job['id']}/stop")

    assert (run["triggerType"], run["status"]) == ("interval", "succeeded")


async def first_run_of(api: Any, job_id: int) -> dict[str, Any]:
    while not (page := await api.get(f"/jobs/{job_id}/logs"))["records"]:
        pass
    run: dict[str, Any] = await api.ended(page["records"][-1]["id"])
    return run


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"jobName": ""}, "jobName"),
        ({"jobName": "x" * 201}, "jobName"),
        ({"jobName": "a\x00b"}, "jobName"),
        ({"jobName": 5}, "jobName"),
        ({"jobName": " \t"}, "jobName"),
        ({"handlerName": ""}, "handlerName"),
        ({"scheduleType": "cron"}, "cronExpression"),
        ({"scheduleType": "cron", "cronExpression": "0 0 25 * * ?"}, "cronExpression"),
        ({"scheduleType": "interval"}, "intervalSeconds"),
        ({"scheduleType": "interval", "intervalSeconds": 0}, "intervalSeconds"),
        ({"scheduleType": "once"}, "runAt"),
        ({"scheduleType": "once", "runAt": "soon"}, "runAt"),
        ({"scheduleType": "once", "runAt": "1795500000"}, "runAt"),
        ({"scheduleType": "once", "runAt": "1795500000000.5"}, "runAt"),
        ({"scheduleType": "once", "runAt": 1795500000}, "runAt"),
        ({"scheduleType": "once", "runAt": "2026-11-31T00:00:00"}, "runAt"),
        ({"scheduleType": "sometimes"}, "scheduleType"),
        ({"timezone": "Mars/Base"}, "timezone"),
        ({"retryStrategy": "fixed"}, "retryCount"),
        ({"retryCount": 2}, "retryStrategy"),
        ({"timeoutSeconds": -1}, "timeoutSeconds"),
        ({"dependsOn": [987654321]}, "dependsOn"),
        ({"configs": {"a b": "v"}}, "configs.a b"),
        ({"calendarName": "nobody's"}, "calendarName"),
        ({"colour": "red"}, "colour"),
        ({"cluster": "somewhere"}, "cluster"),
    ],
)
async def test_a_bad_field_is_named_and_nothing_is_made(api, fields, field):
    before = (await api.get("/jobs"))["total"]

    job = {"jobName": "bad", "handlerName": "note"} | fields
    answer = await api.ask("POST", "/jobs", job)
    imported = await api.ask("POST", "/jobs/import", {"jobs": [job]})

    assert (answer.status, imported.status) == (422, 422)
    assert answer.data["errors"][0]["field"].removesuffix(".[key]") == field
    assert imported.data["errors"][0]["field"].removesuffix(".[key]") == f"jobs.0.{field}"
    assert answer.message.startswith(field)
    assert (await api.get("/jobs"))["total"] == before


async def test_a_time_without_an_offset_is_read_in_the_zone_of_the_job(api):
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).strftime("%Y-%m-%d")

    job = await api.a_job(
        scheduleType="once", runAt=f"{tomorrow}T09:00:00", timezone="Asia/Shanghai"
    )

    assert job["runAt"] == f"{tomorrow}T09:00:00+08:00"


async def test_an_update_that_leaves_the_rule_alone_leaves_the_next_run_alone(api):
    job = await api.a_job(scheduleType="interval", intervalSeconds=3600)
    started = await api.post(f"/jobs/{job['id']}/start")

    changed = await api.put(
        f"/jobs/{job['id']}", {"version": started["version"], "description": "new"}
    )

    assert changed["nextRunTime"] == started["nextRunTime"]


async def test_of_updates_that_race_one_wins_and_the_others_are_told(api):
    job = await api.a_job()

    answers = await asyncio.gather(
        *(
            api.ask("PUT", f"/jobs/{job['id']}", {"version": 1, "jobName": f"name {n}"})
            for n in range(8)
        )
    )

    assert sorted(answer.status for answer in answers) == [200] + [409] * 7
    assert (await api.get(f"/jobs/{job['id']}"))["version"] == 2


async def test_jobs_made_at_once_have_numbers_of_their_own(api):
    jobs = await asyncio.gather(*(api.a_job() for _ in range(20)))

    assert len({job["jobNo"] for job in jobs}) == 20


async def test_a_job_of_an_admin_that_is_not_configured_is_read_and_cannot_be_changed(api):
    async with api.app.storage.engine.begin() as connection:
        driver = (await connection.get_raw_connection()).driver_connection
        job_id = await driver.fetchval(
            """INSERT INTO qooerp_scheduler.schedule_job
                (job_no, job_name, engine, cluster, admin_job_id)
            VALUES ('XXL-main-7', 'theirs', 'xxl', 'main', 7) RETURNING id"""
        )

    read = await api.get(f"/jobs/{job_id}")
    refused = [
        await api.ask("PUT", f"/jobs/{job_id}", {"version": 1, "jobName": "ours"}),
        await api.ask("DELETE", f"/jobs/{job_id}"),
        await api.ask("POST", f"/jobs/{job_id}/start"),
        await api.ask("POST", "/jobs/execute", {"jobId": job_id}),
        await api.ask("POST", "/jobs", {"jobName": "a", "handlerName": "b", "engine": "xxl"}),
    ]

    assert (read["jobNo"], read["engine"]) == ("XXL-main-7", "xxl")
    assert [answer.status for answer in refused] == [409] * 4 + [422]
    assert refused[0].message == "its Admin cluster 'main' is not configured here"
    assert (await api.get(f"/jobs/{job_id}"))["version"] == 1
    assert "theirs" not in str(await api.get("/jobs/export", jobName="theirs"))


async def test_an_older_job_with_retries_that_do_nothing_can_be_changed(api):
    """They were taken until they were refused, and a form sends them as it has read them."""
    job_id = (await api.a_job())["id"]
    query = f"UPDATE qooerp_scheduler.schedule_job SET retry_count = 2 WHERE id = {job_id}"
    async with api.app.storage.engine.begin() as connection:
        await connection.exec_driver_sql(query)
    path, asis = f"/jobs/{job_id}", {"retryStrategy": "none", "retryCount": 2}

    refused = await api.ask("PUT", path, {"version": 1, "retryCount": 3})
    changed = await api.put(path, {"version": 1, "description": "newer", **asis})

    assert refused.status == 422
    assert (changed["description"], changed["retryCount"]) == ("newer", 2)


async def test_jobs_are_found_by_their_number(api):
    job, _ = await api.a_job(), await api.a_job()

    assert [one["id"] for one in (await api.get("/jobs", jobNo=job["jobNo"]))["records"]] == [
        job["id"]
    ]


PAST_ONCE = {"scheduleType": "once", "runAt": "2020-01-01T00:00:00Z"}
OVER = {"scheduleType": "cron", "cronExpression": "0 0 0 1 1 ? 2020"}


@pytest.mark.parametrize(
    ("rule", "field"),
    [
        (PAST_ONCE, "runAt"),
        (PAST_ONCE | {"status": "running"}, "runAt"),
        (OVER | {"status": "running"}, "cronExpression"),
    ],
)
async def test_a_job_whose_times_have_passed_is_not_made(api, rule, field):
    answer = await api.ask("POST", "/jobs", {"jobName": "late", "handlerName": "note"} | rule)

    assert answer.status == 422
    assert answer.data["errors"][0]["field"] == field


async def test_a_running_job_is_not_changed_so_that_it_is_never_due_again(api):
    job = await api.a_job(**NIGHTLY, status="running")

    over = await api.ask("PUT", f"/jobs/{job['id']}", {"version": 1} | OVER)
    past = await api.ask("PUT", f"/jobs/{job['id']}", {"version": 1} | PAST_ONCE)

    for answer, field in ((over, "cronExpression"), (past, "runAt")):
        assert (answer.status, answer.data["errors"][0]["field"]) == (422, field)
    assert await api.get(f"/jobs/{job['id']}") == job


async def test_a_job_that_is_to_run_once_is_not_started_after_its_time(api):
    job = await api.a_job(scheduleType="once", runAt="2060-01-01T00:00:00Z")
    async with api.app.storage.engine.begin() as connection:
        await connection.exec_driver_sql(
            "UPDATE qooerp_scheduler.schedule_job SET run_at = now() - interval '1 min' WHERE id = $1",
            (job["id"],),
        )

    answer = await api.ask("POST", f"/jobs/{job['id']}/start")

    assert answer.status == 409
    assert answer.message.startswith("the time at which it was to run has passed")
    renamed = await api.put(f"/jobs/{job['id']}", {"version": 1, "description": "as it was"})
    assert renamed["description"] == "as it was"


async def test_a_moment_that_has_just_passed_is_still_a_time_to_run_once(api):
    just = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()

    job = await api.a_job(scheduleType="once", runAt=just, status="running")

    assert (await first_run_of(api, job["id"]))["status"] == "succeeded"
