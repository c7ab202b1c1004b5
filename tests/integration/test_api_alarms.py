"""Alarms over HTTP: lists, handling, statistics, rules and in-site messages."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import count

import asyncpg
import pytest
import pytest_asyncio

from scheduler.alarms.model import AlarmType, Level
from tests.integration.api_service import TOKENS, Api
from tests.integration.engine_service import SCHEMA

pytestmark = pytest.mark.asyncio(loop_scope="module")

_numbers = count(1)


@pytest_asyncio.fixture(loop_scope="module")
async def rows(api: Api):
    """The database beneath the service."""
    connection = await asyncpg.connect(api.app.storage.dsn)
    yield connection
    await connection.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module", autouse=True)
async def mail(api: Api) -> None:
    """A channel that rules can name."""
    settings = {"host": "mail.example.com", "sender": "scheduler@example.com"}
    await api.post("/alarm-channels", {"name": "mail", "kind": "email", "settings": settings})


async def raised(rows: asyncpg.Connection, **columns: object) -> int:
    """The id of an alarm that is put in as the columns say."""
    values = {
        "notify_type": "failure",
        "level": "error",
        "title": f"alarm {next(_numbers)}",
        "dedup_key": f"key {next(_numbers)}",
        "send_status": "sent",
    } | columns
    names, marks = ", ".join(values), ", ".join(f"${n}" for n in range(1, len(values) + 1))
    query = f"INSERT INTO {SCHEMA}.schedule_notify ({names}) VALUES ({marks}) RETURNING id"
    return int(await rows.fetchval(query, *values.values()))


async def message(rows: asyncpg.Connection, user: str, title: str) -> int:
    """The id of a message that has just come to *user*."""
    query = f"""WITH made AS (
        INSERT INTO {SCHEMA}.schedule_message (user_name, level, title) VALUES ($1, 'error', $2)
        RETURNING id)
        SELECT id, pg_notify('qooerp_scheduler', '{{"kind": "message", "id": ' || id || '}}') FROM made"""
    return int((await rows.fetchrow(query, user, title))["id"])


async def ids(api: Api, **query: object) -> list[int]:
    return [one["id"] for one in (await api.get("/notifies", **query))["records"]]


async def test_alarms_are_found_by_each_of_their_sides(api, rows):
    job = (await api.a_job())["id"]
    mine = await raised(rows, job_id=job)
    loud = await raised(rows, job_id=job, notify_type="timeout", level="critical")
    unsent = await raised(rows, job_id=job, send_status="pending", notify_type="retry")

    assert await ids(api, jobId=job) == [unsent, loud, mine]
    assert await ids(api, jobId=job, type="timeout") == [loud]
    assert await ids(api, jobId=job, notifyType="retry") == [unsent]
    assert await ids(api, jobId=job, level="critical") == [loud]
    assert await ids(api, jobId=job, sendStatus="pending") == [unsent]
    assert await ids(api, jobId=job, status="handled") == []
    of_a_run = await raised(rows, log_id=4711)
    assert await ids(api, logId=4711) == [of_a_run]
    future = (datetime.now(UTC) + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert await ids(api, jobId=job, startTime=future) == []
    assert await ids(api, jobId=job, endTime=future) == [unsent, loud, mine]


async def test_a_list_goes_on_by_page_and_by_cursor(api, rows):
    job = (await api.a_job())["id"]
    made = [await raised(rows, job_id=job) for _ in range(5)]

    first = await api.get("/notifies", jobId=job, size=2)
    second = await api.get("/notifies", jobId=job, size=2, cursor=first["cursor"])

    assert (first["total"], first["totalExact"], first["pages"]) == (5, True, 3)
    told = [one["id"] for one in first["records"] + second["records"]]
    assert told == made[:0:-1]
    assert await ids(api, jobId=job, size=2, current=3) == made[:1]


async def test_an_alarm_is_handled_and_the_audit_says_by_whom(api, rows):
    job = await api.a_job(jobName="payroll")
    notify = await raised(rows, job_id=job["id"])

    handled = await api.post(
        f"/notifies/{notify}/handle", {"handler": "李雷", "remark": "已重跑", "status": "handled"}
    )

    said = ("handleStatus", "handler", "handleRemark", "jobName")
    assert [handled[name] for name in said] == ["handled", "李雷", "已重跑", "payroll"]
    assert handled["handleTime"] is not None
    whole = await api.get(f"/notifies/{notify}")
    assert whole == handled | {"deliveries": []}
    change = (await api.get("/audit"))["records"][0]
    assert (change["action"], change["subject"], change["subjectId"]) == (
        *("handle", "alarm"),
        notify,
    )
    assert change["detail"]["handler"] == "李雷"


async def test_without_a_name_it_is_whose_token_it_is_and_a_handled_one_can_be_opened(api, rows):
    notify = await raised(rows)
    ignored = await api.post(f"/notifies/{notify}/handle", {"status": "ignored"})
    assert ignored["handler"] == "a admin"

    again = await api.post(f"/notifies/{notify}/handle", {"status": "pending"})

    assert (again["handleStatus"], again["handler"], again["handleTime"]) == ("pending", None, None)


async def test_alarms_are_counted_by_type_level_and_day(api, rows):
    before = await api.get("/notifies/statistics/count")
    types = await api.get("/notifies/statistics/type")
    levels = await api.get("/notifies/statistics/level")
    today = await api.get("/notifies/statistics/today")

    await raised(rows, notify_type="slow", level="warning", send_status="failed")
    await raised(rows, notify_type="slow", level="info")

    after = await api.get("/notifies/statistics/count")
    assert {name: after[name] - before[name] for name in after} == {
        "totalCount": 2,
        "todayCount": 2,
        "pendingCount": 2,
        "unsentCount": 1,
    }
    assert await api.get("/notifies/statistics/type") == types | {"slow": types["slow"] + 2}
    grown = {"warning": levels["warning"] + 1, "info": levels["info"] + 1}
    assert await api.get("/notifies/statistics/level") == levels | grown
    now = await api.get("/notifies/statistics/today")
    assert now["totalCount"] == today["totalCount"] + 2
    assert set(now["types"]) == {one.value for one in AlarmType}
    assert set(now["levels"]) == {one.value for one in Level}
    assert await api.get("/notifies/statistics/pending-count") == after["pendingCount"]
    assert await api.get("/notifies/statistics/unsent-count") == after["unsentCount"]


async def test_what_is_not_there_or_not_to_be_understood_is_said(api):
    assert (await api.ask("GET", "/notifies/999999999")).status == 404
    assert (await api.ask("POST", "/notifies/999999999/handle", {})).status == 404
    wrong = await api.ask("GET", "/notifies?status=done")
    assert wrong.status == 422
    assert "status" in wrong.message
    assert (await api.ask("GET", "/notifies?type=slow&notifyType=late")).status == 422
    assert (await api.ask("POST", "/notifies/1/handle", {}, role="viewer")).status == 403


RULE = {
    "name": "payroll by night",
    "jobGroup": "payroll",
    "alarmTypes": ["failure", "timeout"],
    "targets": ["in_site:role:admin", "mail:ops@example.com"],
    "quietFrom": "22:00:00",
    "quietTo": "07:00:00",
    "quietZone": "Asia/Shanghai",
}


async def test_a_rule_is_made_read_changed_and_deleted(api):
    made = await api.post("/alarm-rules", RULE)
    assert made | RULE == made
    assert made in await api.get("/alarm-rules")
    path = f"/alarm-rules/{made['id']}"

    changed = await api.put(path, RULE | {"priority": 7, "version": made["version"]})

    assert (changed["priority"], changed["version"]) == (7, made["version"] + 1)
    assert await api.get(path) == changed
    stale = await api.ask("PUT", path, RULE | {"version": made["version"]})
    assert stale.status == 409
    assert (await api.ask("POST", "/alarm-rules", RULE)).status == 409
    await api.delete(path)
    assert (await api.ask("GET", path)).status == 404


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"targets": [":nobody"]}, "targets"),
        ({"quietTo": None}, "quietTo"),
        ({"quietTo": "07:00:00+08:00"}, "quietTo: has to be a time of day"),  # it has a zone
        ({"quietFrom": "7:00"}, "quietFrom"),
        ({"quietFrom": "22:00\n"}, "quietFrom"),
        ({"quietFrom": 79200}, "quietFrom"),
        ({"quietZone": "Mars/Olympus"}, "quietZone"),
        ({"escalateAfterSeconds": 60}, "escalateTargets"),
        ({"alarmTypes": ["boredom"]}, "alarmTypes"),
        ({"lateSeconds": 4}, "lateSeconds"),
        ({"targets": ["pager"]}, "targets"),
        ({"targets": ["mail:nobody's"]}, "targets"),
        ({"targets": ["mail"]}, "targets"),
        ({"targets": ["in_site:nobody"]}, "targets"),
        ({"targets": ["in_site:role:cook"]}, "targets"),
        ({"escalateAfterSeconds": 60, "escalateTargets": ["pager"]}, "escalateTargets"),
        ({"jobId": 987654321}, "jobId"),
    ],
)
async def test_a_rule_that_cannot_be_followed_is_refused_by_field(api, wrong, field):
    refused = await api.ask("POST", "/alarm-rules", RULE | {"name": "another"} | wrong)

    assert refused.status == 422
    assert refused.message.startswith(field)
    assert "another" not in [rule["name"] for rule in await api.get("/alarm-rules")]


async def test_a_channel_that_rules_name_is_neither_deleted_nor_renamed(api):
    settings = {"host": "mail.example.com", "sender": "scheduler@example.com"}
    body = {"name": "named", "kind": "email", "settings": settings}
    channel = await api.post("/alarm-channels", body)
    path = f"/alarm-channels/{channel['id']}"
    rule = await api.post("/alarm-rules", {"name": "by it", "targets": ["named:a@b.c", "nobody"]})

    deleted = await api.ask("DELETE", path)
    renamed = await api.ask("PUT", path, body | {"name": "another", "version": channel["version"]})

    assert (deleted.status, deleted.message) == (409, "1 alarm rules name it: by it")
    assert (renamed.status, renamed.message) == (409, "1 alarm rules name it: by it")
    await api.delete(f"/alarm-rules/{rule['id']}")
    await api.delete(path)


async def test_a_rule_may_name_users_roles_and_whom_a_channel_reaches(api):
    targets = ["in_site", "in_site:a viewer", "in_site:role:operator", "mail:a@b.c", "nobody"]

    made = await api.post("/alarm-rules", {"name": "all of them", "targets": targets})

    assert made["targets"] == targets
    await api.delete(f"/alarm-rules/{made['id']}")


async def test_messages_are_listed_by_page_and_by_cursor(api, rows):
    made = [await message(rows, "a admin", f"message {n}") for n in range(3)][::-1]

    first = await api.get("/messages", size=2)
    second = await api.get("/messages", size=2, current=2)
    after = await api.get("/messages", size=2, cursor=first["cursor"])

    assert {"records", "total", "totalExact", "size", "current", "pages", "cursor"} == set(first)
    assert (first["total"], first["pages"]) == (3, 2)
    assert [one["id"] for one in first["records"] + second["records"]] == made
    assert after["records"] == second["records"]
    deep = await api.ask("GET", "/messages?current=1000&size=500")
    assert (deep.status, deep.data["errors"][0]["field"]) == (422, "current")


async def test_messages_are_each_users_own(api, rows):
    mine = await message(rows, "a admin", "for the admin")
    other = await message(rows, "a viewer", "for the viewer")
    unread = await api.get("/messages/unread-count")

    told = (await api.get("/messages"))["records"]

    assert other not in [one["id"] for one in told]
    assert next(one for one in told if one["id"] == mine)["readAt"] is None
    assert (await api.ask("POST", f"/messages/{other}/read")).status == 404
    await api.post(f"/messages/{mine}/read")
    assert await api.get("/messages/unread-count") == unread - 1
    assert mine not in [one["id"] for one in (await api.get("/messages", unread="true"))["records"]]
    assert (await api.ask("POST", f"/messages/{other}/read", role="viewer")).status == 200


async def test_all_messages_are_read_at_once(api, rows):
    await message(rows, "a operator", "one")
    await message(rows, "a operator", "another")

    answer = await api.ask("POST", "/messages/read-all", role="operator")

    assert answer.data == 2
    assert (await api.ask("GET", "/messages/unread-count", role="operator")).data == 0


async def test_a_message_is_live_to_who_follows(api, rows):
    headers = {"Authorization": f"Bearer {TOKENS['admin']}", "Last-Event-ID": "0"}
    title = "all is well again"
    url = f"{api.url}/api/scheduler/messages/stream"

    async with asyncio.timeout(20), api.session.get(url, headers=headers) as response:
        await response.content.readline()  # it is being followed
        number = await message(rows, "a admin", title)
        async for line in response.content:
            if line == f"id: {number}\n".encode():
                break
        data = await response.content.readline()

    assert title in data.decode()
