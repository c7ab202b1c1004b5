"""The job API of 3.5: what it can, and in which words it says what it cannot."""

from __future__ import annotations

from dataclasses import replace

import aiohttp
import pytest

from admin_bridge.console import (
    ConsoleConfig,
    ConsoleRefused,
    JobFields,
    SignInRefused,
    Unsupported,
    open_console,
)
from executor.testing.fake_console import FakeConsole
from tests.contract.console_places import APP_NAME, DAILY, TOKEN

FIELDS = JobFields(
    1, "a job", "tests", handler="echo", schedule_type="CRON", schedule_conf=DAILY, timeout_s=3
)


@pytest.fixture
async def admin():
    async with FakeConsole("3.5", TOKEN, APP_NAME) as admin:
        yield admin


@pytest.fixture
async def console(admin):
    async with aiohttp.ClientSession() as session:
        config = ConsoleConfig("main", (admin.url,), access_token=TOKEN, app_name=APP_NAME)
        console = await open_console(session, config)
        yield console
        await console.aclose()


async def test_a_job_is_added_changed_switched_and_removed(admin, console):
    job_id = await console.add_job(FIELDS)
    added = admin.jobs[job_id].fields
    await console.update_job(job_id, replace(FIELDS, name="new", params="中"))
    await console.start_job(job_id)

    job = admin.jobs[job_id]
    assert (added["jobDesc"], added["executorTimeout"], added["jobGroup"]) == ("a job", "3", "1")
    assert (job.fields["jobDesc"], job.fields["executorParam"]) == ("new", "中")
    assert job.is_on

    await console.stop_job(job_id)
    assert not job.is_on
    await console.remove_job(job_id)
    await console.remove_job(job_id)
    assert job_id not in admin.jobs


async def test_a_job_is_triggered_with_its_params(admin, console):
    job_id = admin.add_job("echo")

    await console.trigger_job(job_id, params="x", addresses=("http://127.0.0.1:9",))

    await admin.until(lambda: any(row.trigger_code for row in admin.rows.values()))
    (row,) = admin.rows.values()
    assert (row.job_id, row.params, row.executor_address) == (job_id, "x", "http://127.0.0.1:9")


async def test_what_the_admin_refuses_is_said_in_its_words(console):
    with pytest.raises(ConsoleRefused, match="Cronillegal"):
        await console.add_job(replace(FIELDS, schedule_conf="nonsense"))
    with pytest.raises(ConsoleRefused, match="Job ID is illegal"):
        await console.start_job(99)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda console: console.groups(), "list groups"),
        (lambda console: console.jobs(1), "list jobs"),
        (lambda console: console.logs(group_id=1), "list logs"),
        (lambda console: console.kill_run(1), "kill a run"),
        (lambda console: console.log_text(1), "show a run's log"),
        (lambda console: console.next_times("CRON", DAILY), "preview a schedule"),
        (lambda console: console.add_group("a-group", "a group"), "add a group"),
        (lambda console: console.clock(), "show its clock"),
        (lambda console: console.add_job(replace(FIELDS, children=(1,))), "set the children"),
    ],
)
async def test_what_the_api_lacks_is_said(console, call, words):
    with pytest.raises(Unsupported, match=words):
        await call(console)


@pytest.mark.parametrize(("token", "app_name"), [("wrong", APP_NAME), (TOKEN, "other"), ("", "")])
async def test_a_token_that_is_not_the_groups_is_refused_without_showing_it(admin, token, app_name):
    async with aiohttp.ClientSession() as session:
        config = ConsoleConfig("main", (admin.url,), access_token=token, app_name=app_name)
        console = await open_console(session, config)

        with pytest.raises(SignInRefused, match="app name with this access token") as caught:
            await console.start_job(1)

        assert "wrong" not in str(caught.value)
        await console.aclose()
