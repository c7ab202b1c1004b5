"""Stage four of the seed: logs of runs, their statistics, and what the service does as a whole."""

from __future__ import annotations

import asyncio
import socket
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest

from tests.integration.api_service import PREFIX, TOKENS
from tests.integration.engine_service import until

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_run_is_logged_with_its_beginning_its_result_and_its_error(api):
    fine = await api.a_run((await api.a_job(handlerName="sampleText", params="hi"))["id"])
    failed = await api.a_run((await api.a_job(handlerName="failUntil", params="x"))["id"])

    assert (fine["status"], fine["resultCode"]) == ("succeeded", 200)
    assert fine["triggerTime"] <= fine["startTime"] <= fine["endTime"]
    assert fine["durationMs"] >= 0
    assert (fine["cluster"], fine["adminLogId"]) == ("local", None)
    assert fine["executorAddress"] == api.app.executor.url()
    assert (failed["status"], failed["resultCode"]) == ("failed", 500)
    assert "invalid literal for int()" in failed["resultMessage"]
    assert "Traceback" in (await api.get(f"/logs/{failed['id']}/text"))["text"]


async def test_logs_are_listed_by_job_newest_first(api):
    job, other = await api.a_job(), await api.a_job()
    ids = [(await api.a_run(job["id"]))["id"] for _ in range(3)]
    await api.a_run(other["id"])

    listed = await api.get("/logs", jobId=job["id"])
    of_job = await api.get(f"/jobs/{job['id']}/logs")
    recent = await api.get(f"/logs/recent/{job['id']}", size=2)

    assert [run["id"] for run in listed["records"]] == ids[::-1]
    assert (listed["total"], listed["totalExact"]) == (3, True)
    assert of_job == listed
    assert [run["id"] for run in recent] == ids[:0:-1]
    assert {run["jobName"] for run in recent} == {"a job"}
    for path in ("/jobs/987654321/logs", "/logs/recent/987654321", "/logs/987654321"):
        assert (await api.ask("GET", path)).status == 404


async def test_logs_are_listed_by_status(api):
    job = await api.a_job(handlerName="failUntil", params="2")
    failed = await api.a_run(job["id"])
    fine = await api.a_run(job["id"], "1")

    for status, run in (("failed", failed), ("succeeded", fine)):
        page = await api.get("/logs", jobId=job["id"], status=status)
        assert [one["id"] for one in page["records"]] == [run["id"]]
        assert page["total"] == 1
    assert (await api.get("/logs", jobId=job["id"], status="killed"))["records"] == []


async def test_logs_are_listed_by_time(api):
    job = await api.a_job()
    first, second = await api.a_run(job["id"]), await api.a_run(job["id"])

    async def found(**times: str) -> list[int]:
        page = await api.get(
            "/logs", jobId=job["id"], **{name: quote(time) for name, time in times.items()}
        )
        return [run["id"] for run in page["records"]]

    assert await found(startTime=second["triggerTime"]) == [second["id"]]
    assert await found(endTime=first["triggerTime"]) == [first["id"]]
    assert await found(startTime="2020-01-01 00:00:00", endTime="2020-01-02T00:00:00+08:00") == []
    shown = datetime.fromisoformat(second["triggerTime"])
    assert await found(endTime=f"{shown:%Y-%m-%d}") == [second["id"], first["id"]]
    assert await found(endTime=f"{shown - timedelta(days=1):%Y-%m-%d}") == []
    unescaped = await api.get(
        "/logs", jobId=job["id"], startTime=f"{shown.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}+00:00"
    )
    assert [run["id"] for run in unescaped["records"]] == [second["id"]]


async def test_logs_are_listed_by_page_and_by_cursor(api):
    job = await api.a_job()
    ids = [(await api.a_run(job["id"]))["id"] for _ in range(5)][::-1]

    pages = [await api.get("/logs", jobId=job["id"], size=2, current=n) for n in (1, 2, 3)]
    followed = await api.get("/logs", jobId=job["id"], size=2, cursor=pages[0]["cursor"])
    last = await api.get("/logs", jobId=job["id"], size=2, cursor=followed["cursor"])
    rest = await api.get("/logs", jobId=job["id"], size=3, cursor=pages[0]["cursor"])

    assert [run["id"] for page in pages for run in page["records"]] == ids
    assert (pages[0]["pages"], pages[0]["total"]) == (3, 5)
    assert followed["records"] == pages[1]["records"]
    assert (last["records"], last["cursor"]) == (pages[2]["records"], None)
    assert (rest["records"], rest["cursor"]) == (followed["records"] + last["records"], None)


async def test_a_long_list_is_not_counted_and_goes_on_by_cursor(api):
    job = await api.a_job()
    await add_runs(api, job["id"], 10_050)

    page = await api.get("/logs", jobId=job["id"])
    deep = await api.ask("GET", f"/logs?jobId={job['id']}&current=501&size=20")
    end = await api.get("/logs", jobId=job["id"], current=500, size=20)
    beyond = await api.get("/logs", jobId=job["id"], size=500, cursor=end["cursor"])
    wide = await api.get("/logs", jobId=job["id"], size=300)
    widest = await api.get("/logs", jobId=job["id"], size=300, current=wide["pages"])

    assert (page["total"], page["totalExact"], page["pages"]) == (10_050, False, 500)
    assert deep.status == 422
    assert "go on by cursor" in deep.message
    assert len(beyond["records"]) == 50
    assert (wide["pages"], len(widest["records"])) == (34, 150)


async def add_runs(api: Any, job_id: int, count: int) -> None:
    """Rows as the recorder would have written them, with their statistics."""
    async with api.app.storage.engine.connect() as connection:
        driver = (await connection.get_raw_connection()).driver_connection
        await driver.execute("SELECT qooerp_scheduler.ensure_log_partition('2026-11-01Z')")
        await driver.execute(
            """INSERT INTO qooerp_scheduler.schedule_log (cluster, admin_log_id, trigger_time,
                job_id, trigger_type, status, scheduled_time)
            SELECT 'elsewhere', $1::bigint * 100000 + n, '2026-11-01Z'::timestamptz + n * interval '1 ms', $1, 'api',
                'succeeded', '2026-11-01Z' FROM generate_series(1, $2::int) n""",
            job_id,
            count,
        )
        await driver.execute(
            """UPDATE qooerp_scheduler.schedule_job_statistics
            SET execute_count = $2, success_count = $2 WHERE job_id = $1""",
            job_id,
            count,
        )


async def test_the_statistics_of_a_job_say_how_often_how_well_and_how_long(api):
    job = await api.a_job(handlerName="pause")
    runs = [await api.a_run(job["id"], params) for params in ("0.03", "0.02", "0.01", "no time")]

    found = await api.get(f"/statistics/job/{job['id']}")

    counts = ("executeCount", "successCount", "failCount", "successRate", "failRate")
    assert [found[name] for name in counts] == [4, 3, 1, 0.75, 0.25]
    lasted = [run["durationMs"] for run in runs]
    assert found["avgDurationMs"] == round(sum(lasted) / 4, 1)
    assert found["maxDurationMs"] == max(lasted)
    assert (found["lastStatus"], found["lastRunTime"] is None) == ("failed", False)
    (today,) = await api.get(f"/statistics/job/{job['id']}/daily")
    assert (today["day"], today["executeCount"]) == (f"{datetime.now(UTC):%Y-%m-%d}", 4)
    assert (await api.ask("GET", "/statistics/job/987654321")).status == 404


async def test_the_monitor_counts_jobs_by_status_and_runs_ever_and_today(api):
    before = await api.get("/statistics/monitor")
    running, paused, _ = [await api.a_job(handlerName="failUntil") for _ in range(3)]
    for job in (running, paused):
        await api.post(f"/jobs/{job['id']}/start")
    await api.post(f"/jobs/{paused['id']}/pause")
    await api.a_run(running["id"], "1")
    await api.a_run(running["id"], "9")

    after = await api.get("/statistics/monitor")

    more = {
        name: after[name] - before[name]
        for name in after
        if isinstance(after[name], int) and not isinstance(after[name], bool)
    }
    assert more == {
        "totalJobs": 3,
        "runningJobs": 1,
        "pausedJobs": 1,
        "stoppedJobs": 1,
        "totalExecutions": 2,
        "totalSuccess": 1,
        "totalFailures": 1,
        "todayExecutions": 2,
        "todaySuccess": 1,
        "todayFailures": 1,
    }
    assert 0 <= after["successRate"] <= 1
    assert after["successRate"] + after["failRate"] == pytest.approx(1, abs=0.001)
    assert after["pools"]["thread"]["limit"] == 32
    assert (await api.get("/statistics/daily"))[0]["executeCount"] >= 2


async def test_a_running_run_is_killed(api):
    job = await api.a_job(handlerName="wait")
    executed = await api.post("/jobs/execute", {"jobId": job["id"]})
    await api.run_in(executed["logId"], "running")

    killed = await api.post(f"/logs/{executed['logId']}/kill")
    ended = await api.ended(executed["logId"])
    again = await api.post(f"/logs/{executed['logId']}/kill")

    assert (killed, ended["status"], again) == ({"killed": True}, "killed", {"killed": False})
    assert (await api.ask("POST", "/logs/987654321/kill")).status == 404


async def test_the_text_of_a_log_is_read_by_page(api):
    run = await api.a_run((await api.a_job(handlerName="sampleAsync"))["id"])

    whole = await api.get(f"/logs/{run['id']}/text")
    lines = whole["text"].split("\n")
    page = await api.get(f"/logs/{run['id']}/text", fromLine=2, chars=1)

    assert (whole["fromLine"], whole["lastLine"], whole["end"]) == (1, len(lines), True)
    assert (page["text"], page["fromLine"], page["lastLine"]) == (lines[1], 2, 2)
    assert (page["totalLines"], page["end"]) == (len(lines), False)


async def test_the_text_of_a_log_is_downloaded(api):
    run = await api.a_run((await api.a_job(handlerName="sampleAsync"))["id"])

    async with asked(api, f"/logs/{run['id']}/download") as response:
        text = await response.text()

    assert response.headers["Content-Disposition"] == f'attachment; filename="run-{run["id"]}.log"'
    assert text == (await api.get(f"/logs/{run['id']}/text"))["text"] + "\n"


async def test_who_does_not_read_a_log_gives_the_place_to_others(api, monkeypatch):
    run = await api.a_run((await api.a_job(handlerName="chatty"))["id"])
    monkeypatch.setattr("scheduler.api.streams._MOST", 1)
    monkeypatch.setattr("scheduler.api.streams._READ_WITHIN_S", 1)
    asks = (
        f"GET {PREFIX}/logs/{run['id']}/download HTTP/1.1\r\nHost: a\r\n"
        f"Authorization: Bearer {TOKENS['viewer']}\r\n\r\n"
    )

    async def status() -> int:
        async with asked(api, f"/logs/{run['id']}/download") as response:
            return int(response.status)

    with socket.socket() as idle:
        idle.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        idle.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(idle, ("127.0.0.1", api.app.port))
        await loop.sock_sendall(idle, asks.encode())
        assert await loop.sock_recv(idle, 12) == b"HTTP/1.1 200"
        await until(status, lambda code: code == 200)


async def test_a_log_is_followed_while_its_run_goes_on(api):
    job = await api.a_job(handlerName="wait")
    log_id = (await api.post("/jobs/execute", {"jobId": job["id"]}))["logId"]

    async with asyncio.timeout(20), asked(api, f"/logs/{log_id}/stream") as response:
        begun = await response.content.readuntil(b"job execute start")
        await api.post(f"/logs/{log_id}/kill")
        rest = await response.content.read()

    assert response.content_type == "text/event-stream"
    assert b"id: 1\n" in begun
    assert b"told to stop" in rest
    assert rest.endswith(b"event: end\ndata:\n\n")


async def test_a_stream_goes_on_after_the_last_event_that_was_seen(api):
    run = await api.a_run((await api.a_job(handlerName="sampleAsync"))["id"])

    async with asked(api, f"/logs/{run['id']}/stream", **{"Last-Event-ID": "2"}) as response:
        text = await response.text()

    assert text.startswith("id: 3\ndata: ")


def asked(api: Any, path: str, **headers: str) -> Any:
    headers["Authorization"] = f"Bearer {TOKENS['viewer']}"
    return api.session.get(api.url + PREFIX + path, headers=headers)


async def test_the_log_of_a_run_of_which_nobody_knows_where_it_ran_is_404_and_says_so(api):
    job = await api.a_job()
    await add_runs(api, job["id"], 1)
    (run,) = (await api.get(f"/jobs/{job['id']}/logs"))["records"]

    for part in ("text", "stream", "download"):
        answer = await api.ask("GET", f"/logs/{run['id']}/{part}")
        assert answer.status == 404
        assert answer.message.endswith("here, and nobody has noted where it ran")


async def test_a_log_that_is_not_there_is_404_and_says_why(api):
    quiet = await api.a_run((await api.a_job(handlerName="keepsErrors"))["id"])
    silent = await api.a_run((await api.a_job(handlerName="keepsNothing"))["id"])
    job = await api.a_job(handlerName="wait", blockStrategy="DISCARD_LATER")
    first = await api.post("/jobs/execute", {"jobId": job["id"]})
    await api.run_in(first["logId"], "running")
    await api.ask("POST", "/jobs/execute", {"jobId": job["id"]})
    while not (found := await api.get("/logs", jobId=job["id"], status="discarded"))["records"]:
        pass
    await api.post(f"/logs/{first['logId']}/kill")
    discarded = found["records"][0]

    whys = {
        quiet["id"]: "its handler [keepsErrors] keeps none of runs that succeed",
        silent["id"]: "its handler [keepsNothing] keeps none",
        discarded["id"]: "it never began, it was discarded",
    }
    for log_id, why in whys.items():
        answer = await api.ask("GET", f"/logs/{log_id}/text")
        assert (answer.status, answer.message) == (404, f"there is no log of run {log_id}: {why}")


async def test_a_reader_who_leaves_ends_the_stream(api):
    job = await api.a_job(handlerName="wait")
    log_id = (await api.post("/jobs/execute", {"jobId": job["id"]}))["logId"]
    async with aiohttp.ClientSession() as leaving:
        url = f"{api.url}{PREFIX}/logs/{log_id}/stream"
        headers = {"Authorization": f"Bearer {TOKENS['viewer']}"}
        async with leaving.get(url, headers=headers) as response:
            await response.content.readuntil(b"\n\n")

    await api.post(f"/logs/{log_id}/kill")

    assert (await api.ended(log_id))["status"] == "killed"


async def test_times_are_shown_in_the_zone_of_the_job(api):
    job = await api.a_job(timezone="Asia/Shanghai")

    run = await api.a_run(job["id"])

    shown = datetime.fromisoformat(run["triggerTime"])
    assert shown.utcoffset() == timedelta(hours=8)
    assert abs(datetime.now(UTC) - shown) < timedelta(minutes=1)


async def test_the_next_fires_of_a_job_are_told(api):
    job = await api.a_job(
        scheduleType="cron", cronExpression="0 0 2 * * ?", timezone="Asia/Shanghai"
    )

    told = await api.get(f"/jobs/{job['id']}/next-fires", count=3)

    moments = [datetime.fromisoformat(fire) for fire in told["fires"]]
    assert [fire[10:] for fire in told["fires"]] == ["T02:00:00+08:00"] * 3
    assert [later - earlier for earlier, later in pairwise(moments)] == [timedelta(days=1)] * 2
    assert (told["timezone"], told["status"], told["skipped"]) == ("Asia/Shanghai", "stopped", [])


async def test_a_cron_expression_is_checked(api):
    fine = await api.post(
        "/cron/validate",
        {"cronExpression": "0 0 9 ? * MON-FRI", "timezone": "Europe/Berlin", "count": 3},
    )
    bad = await api.post("/cron/validate", {"cronExpression": "0 0 25 * * ?"})

    assert (fine["valid"], fine["message"], len(fine["nextFires"])) == (True, "", 3)
    assert all("T09:00:00+" in fire for fire in fine["nextFires"])
    assert (bad["valid"], bad["nextFires"]) == (False, [])
    assert "25" in bad["message"]


async def test_handlers_are_listed_with_the_schema_of_their_parameters(api):
    handlers = {handler["name"]: handler for handler in await api.get("/handlers")}

    assert handlers["sampleAsync"]["isolation"] == "async"
    assert "city" in handlers["sampleParams"]["paramsSchema"]["properties"]


async def test_a_job_that_is_deleted_still_has_its_runs_and_one_that_never_was_is_404(api):
    job = await api.a_job()
    run = await api.a_run(job["id"])

    await api.delete(f"/jobs/{job['id']}")

    assert [one["id"] for one in (await api.get(f"/jobs/{job['id']}/logs"))["records"]] == [
        run["id"]
    ]
    assert [one["id"] for one in await api.get(f"/logs/recent/{job['id']}")] == [run["id"]]
    assert len(await api.get(f"/statistics/job/{job['id']}/daily")) == 1
    for path in (
        "/jobs/987654321/logs",
        "/logs/recent/987654321",
        "/statistics/job/987654321/daily",
    ):
        assert (await api.ask("GET", path)).status == 404, path


async def test_the_last_run_of_the_statistics_is_shown_in_the_zone_of_the_job(api):
    job = await api.a_job(timezone="Asia/Shanghai")
    run = await api.a_run(job["id"])

    last = (await api.get(f"/statistics/job/{job['id']}"))["lastRunTime"]

    assert last == run["triggerTime"]
    assert last.endswith("+08:00")
