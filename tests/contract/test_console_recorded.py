"""What real Admins answered, read as it should be, and answered alike by the fakes."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import aiohttp
import orjson
import pytest

from admin_bridge.console.answer import NotSignedIn, Reply, page_of, payload_of
from admin_bridge.console.dialect import V2, V3_2, V3_3, V3_5, Dialect
from admin_bridge.console.errors import (
    ConsoleError,
    ConsoleRefused,
    NotAnAdmin,
    PermissionRefused,
    SignInRefused,
)
from admin_bridge.console.rows import GroupRow, JobRow, LogPageRow, LogRow, checked, rows_of
from executor.testing.fake_console import FakeConsole
from tests.contract.console_places import APP_NAME, PASSWORD, TOKEN, USER

FOLDER = Path(__file__).parent / "recorded"
AT = "http://admin"
DIALECTS = {"2.4.2": V2, "3.2.0": V3_2, "3.4.2": V3_3}
TOKEN_API = "3.5.0-SNAPSHOT"
ZONES = {"2.4.2": "UTC", "3.2.0": "UTC", "3.4.2": "Asia/Shanghai"}
"""Of the JVMs that were recorded."""

Recorded = dict[str, Any]


def recorded(version: str) -> Recorded:
    answers: Recorded = json.loads((FOLDER / f"{version}.json").read_text(encoding="utf-8"))
    return answers


def reply(answer: Recorded) -> Reply:
    body = answer["body"]
    text = body.encode() if isinstance(body, str) else orjson.dumps(body)
    return Reply(AT, answer["status"], answer["type"], text, answer["location"])


@pytest.fixture(params=DIALECTS)
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def answers(version: str) -> Recorded:
    return recorded(version)


@pytest.fixture
def dialect(version: str) -> Dialect:
    return DIALECTS[version]


def test_groups_are_read(answers, dialect):
    page = rows_of(GroupRow, page_of(reply(answers["groups"]), dialect), AT)

    ours = page.rows[0].group()
    assert page.total == len(page.rows)
    assert (ours.app_name, ours.title, ours.automatic) == (APP_NAME, "qooerp", True)
    assert ours.addresses == ()


def test_jobs_are_read(answers, dialect):
    page = rows_of(JobRow, page_of(reply(answers["jobs"]), dialect), AT)

    shards, gate, echo = (row.job() for row in page.rows)
    assert (shards.fields.route, gate.fields.children) == ("SHARDING_BROADCAST", (echo.id,))
    assert (echo.running, gate.running) == (True, False)
    assert echo.next_trigger == datetime(2026, 11, 25, 3, tzinfo=UTC) or (
        echo.next_trigger == datetime(2026, 11, 24, 19, tzinfo=UTC)  # 3 o'clock in Shanghai
    )
    assert gate.next_trigger is None
    for job in (shards, gate, echo):
        assert job.added_at
        assert job.added_at.date() == datetime(2026, 11, 24, tzinfo=UTC).date()
        assert job.added_at.hour == 3


def test_log_rows_are_read_in_the_zone_of_the_jvm(version, answers, dialect):
    zone = ZoneInfo(ZONES[version])
    page = rows_of(LogRow, page_of(reply(answers["logs"]), dialect), AT)
    rows = {row.id: row.log(zone) for row in page.rows}

    done, refused, running = rows[2], rows[3], rows[4]
    assert (done.trigger_code, done.handle_code, done.params) == (200, 200, "a<b>&é")
    assert (refused.trigger_code, refused.handle_code) == (500, 0)
    assert (running.trigger_code, running.handle_code, running.handled_at) == (200, 0, None)
    assert {(row.shard_index, row.shard_total) for row in rows.values()} == {(0, 1), (0, 2), (1, 2)}
    assert {row.triggered_at.strftime("%Y-%m-%d %H") for row in rows.values()} == {"2026-11-24 03"}
    assert done.handled_at
    assert 0 <= (done.handled_at - done.triggered_at).total_seconds() < 5


@pytest.mark.parametrize(
    ("name", "end"), [("log_text", True), ("log_text_end", True), ("log_text_running", False)]
)
def test_pages_of_a_runs_log_are_read(answers, dialect, name, end):
    page = checked(LogPageRow, payload_of(reply(answers[name]), dialect), AT)

    assert page.ended is end
    assert (page.content == "") == (page.to_line < page.from_line)


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("not_signed_in", NotSignedIn),
        ("no_permission_groups", PermissionRefused),
        ("no_permission_logs", PermissionRefused),
        ("sign_in_refused", ConsoleRefused),
        ("add_job_refused", ConsoleRefused),
        ("start_job_refused", ConsoleRefused),
        ("start_job_missing", ConsoleRefused),
        ("log_text_missing", ConsoleRefused),
        ("kill_refused", ConsoleRefused),
        ("kill_missing", ConsoleRefused),
        ("next_times_refused", ConsoleRefused),
        ("no_such_page", NotAnAdmin),
        ("api_unknown", ConsoleError),
    ],
)
def test_refusals_are_told_apart(answers, dialect, name, fault):
    with pytest.raises(fault) as caught:
        payload_of(reply(answers[name]), dialect)

    assert str(caught.value).startswith(f"{AT}: ")


@pytest.mark.parametrize("name", ["update_job", "start_job", "trigger_job", "remove_job_missing"])
def test_successes_without_a_payload_give_none(answers, dialect, name):
    assert payload_of(reply(answers[name]), dialect) is None


def test_the_answers_of_another_generation_are_not_taken_for_ones_own(version, answers):
    other = V3_3 if version != "3.4.2" else V2

    with pytest.raises(NotAnAdmin, match="not the answer of this generation"):
        rows_of(GroupRow, page_of(reply(answers["groups"]), other), AT)


def test_the_token_api_is_read():
    answers = recorded(TOKEN_API)

    assert payload_of(reply(answers["add_job"]), V3_5) == "6"
    with pytest.raises(ConsoleRefused, match="Cronillegal"):
        payload_of(reply(answers["add_job_refused"]), V3_5)
    with pytest.raises(SignInRefused, match="access token"):
        payload_of(reply(answers["wrong_token"]), V3_5)


def shape(value: object) -> object:
    """What a JSON value looks like, whatever it says; null looks like anything."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in sorted(value.items())}
    return [shape(value[0])] if isinstance(value, list) and value else type(value).__name__


def alike(one: object, other: object) -> bool:
    if "NoneType" in (one, other):
        return True
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(alike(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return all(alike(a, b) for a, b in zip(one, other, strict=False))
    return one == other


async def test_the_fake_answers_in_the_shape_of_the_real_one(version, answers, dialect):
    async with (
        FakeConsole(version[:3], TOKEN, APP_NAME) as fake,
        aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as browser,
    ):
        fake.add_user(USER, PASSWORD)
        job_id = fake.add_job("echo", scheduleType="CRON", scheduleConf="0 0 3 * * ?")
        fake.log(job_id, trigger_code=200, handler="echo", params="", executor_address="http://a")

        async def ask(path: str, **form: object) -> Any:
            async with browser.post(
                f"{fake.url}/{path}", data=form, allow_redirects=False
            ) as response:
                return await response.json() if response.status == 200 else response.status

        def same(name: str, value: object) -> None:
            real = answers[name]["body"] if answers[name]["status"] == 200 else None
            expected = answers[name]["status"] if real is None else shape(real)
            found = value if isinstance(value, int) else shape(value)
            assert alike(found, expected), f"{name}: {found} is not {expected}"

        one = {dialect.one: job_id}
        part = {dialect.offset: 0, dialect.limit: 10}
        every = {"triggerStatus": -1, "jobDesc": "", "executorHandler": "", "author": ""}
        groups = {"appname": "", "title": "", **part}
        logs = {"jobGroup": 1, "jobId": 0, "logStatus": -1, "filterTime": "", **part}
        same("not_signed_in", await ask("jobgroup/pageList", **groups))
        same("sign_in_refused", await ask(dialect.sign_in, userName=USER, password="x"))
        same("sign_in", await ask(dialect.sign_in, userName=USER, password=PASSWORD))
        same("groups", await ask("jobgroup/pageList", **groups))
        same("jobs", await ask("jobinfo/pageList", jobGroup=1, **every, **part))
        same("logs", await ask("joblog/pageList", **logs))
        same("start_job", await ask("jobinfo/start", **one))
        same(
            "next_times",
            await ask("jobinfo/nextTriggerTime", scheduleType="CRON", scheduleConf="0 0 3 * * ?"),
        )
        same("kill_missing", await ask("joblog/logKill", id=99))
        same("missing_parameter", await ask("joblog/pageList", **part))
        same("remove_job", await ask(dialect.remove_job, **one))
        same("remove_job_missing", await ask(dialect.remove_job, **one))
