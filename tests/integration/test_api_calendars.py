"""Business calendars over HTTP, and what they do to the jobs that name them."""

from __future__ import annotations

from datetime import date, datetime

import pytest

pytestmark = pytest.mark.asyncio(loop_scope="module")

DAILY = {"scheduleType": "cron", "cronExpression": "0 0 9 * * ?", "timezone": "Asia/Shanghai"}


async def test_a_calendar_is_set_read_and_deleted(api):
    said = {
        "workingWeekdays": [1, 2, 3],
        "closingDays": ["2027-01-01"],
        "makeUpDays": ["2027-01-03"],
    }

    told = await api.put("/calendars/office", said)

    assert told == {"name": "office", **said}
    assert await api.get("/calendars/office") == told
    assert told in await api.get("/calendars")
    await api.delete("/calendars/office")
    assert (await api.ask("GET", "/calendars/office")).status == 404
    assert (await api.ask("DELETE", "/calendars/office")).status == 404


async def test_the_fires_on_days_off_are_skipped_and_told(api):
    await api.put("/calendars/weekdays", {})
    job = await api.a_job(calendarName="weekdays", **DAILY)

    told = await api.get(f"/jobs/{job['id']}/next-fires", count=7)

    days = [datetime.fromisoformat(fire).isoweekday() for fire in told["fires"]]
    assert len(days) == 7
    assert max(days) <= 5
    assert {datetime.fromisoformat(one["time"]).isoweekday() for one in told["skipped"]} == {6, 7}
    assert told["skipped"][0]["reason"] == "a day off in the calendar weekdays: skipped"


async def test_a_changed_calendar_moves_the_next_run_of_its_jobs(api):
    await api.put("/calendars/moving", {"workingWeekdays": [1, 2, 3, 4, 5, 6, 7]})
    job = await api.a_job(calendarName="moving", **DAILY)
    before = await api.post(f"/jobs/{job['id']}/start")
    first = before["nextRunTime"][:10]

    await api.put(
        "/calendars/moving", {"workingWeekdays": [1, 2, 3, 4, 5, 6, 7], "closingDays": [first]}
    )

    after = await api.get(f"/jobs/{job['id']}")
    assert (date.fromisoformat(after["nextRunTime"][:10]) - date.fromisoformat(first)).days == 1


async def test_a_calendar_that_a_job_names_is_not_deleted(api):
    await api.put("/calendars/needed", {})
    job = await api.a_job(calendarName="needed", **DAILY)

    answer = await api.ask("DELETE", "/calendars/needed")

    assert (answer.status, answer.message) == (409, f"jobs name it: {job['id']}")


async def test_a_calendar_without_a_working_day_is_refused(api):
    answer = await api.ask("PUT", "/calendars/never", {"workingWeekdays": []})

    assert answer.status == 422
    assert answer.data["errors"][0]["field"] == "workingWeekdays"


@pytest.mark.parametrize("strange", ["1795500000", "20261124", "2026-02-30", "2026-11-24T00:00:00"])
async def test_a_day_that_is_no_date_is_refused(api, strange):
    answer = await api.ask("PUT", "/calendars/strange", {"closingDays": [strange]})

    assert answer.status == 422
    assert answer.data["errors"][0]["field"] == "closingDays.0"


SUNDAY, MONDAY = "2060-02-01T09:00:00+08:00", "2060-02-02T09:00:00+08:00"
ONCE = {"scheduleType": "once", "runAt": SUNDAY, "timezone": "Asia/Shanghai"}


async def test_a_job_that_runs_once_on_a_day_off_is_moved_with_it(api):
    await api.put("/calendars/workdays", {})
    moved = ONCE | {"calendarName": "workdays", "holidayPolicy": "shift_after"}

    job = await api.a_job(status="running", **moved)

    assert job["nextRunTime"] == MONDAY
    assert (await api.get(f"/jobs/{job['id']}/next-fires"))["fires"] == [MONDAY]
    plain = await api.a_job(status="running", **ONCE)
    assert plain["nextRunTime"] == SUNDAY
    named = await api.put(f"/jobs/{plain['id']}", {"version": 1} | moved)
    assert named["nextRunTime"] == MONDAY


async def test_a_job_that_runs_once_on_a_day_that_is_skipped_cannot_be_running(api):
    await api.put("/calendars/workdays", {})
    skipped = ONCE | {"calendarName": "workdays", "holidayPolicy": "skip"}

    made = await api.ask(
        "POST", "/jobs", {"jobName": "a", "handlerName": "note", "status": "running"} | skipped
    )
    job = await api.a_job(**skipped)
    started = await api.ask("POST", f"/jobs/{job['id']}/start")
    running = await api.a_job(status="running", **ONCE)
    changed = await api.ask("PUT", f"/jobs/{running['id']}", {"version": 1} | skipped)

    assert (made.status, made.data["errors"][0]["field"]) == (422, "runAt")
    assert (changed.status, changed.data["errors"][0]["field"]) == (422, "runAt")
    assert started.status == 409
    assert "is skipped by its calendar" in started.message
    fires = await api.get(f"/jobs/{job['id']}/next-fires")
    assert fires["fires"] == []
    assert fires["skipped"][0]["time"] == SUNDAY
