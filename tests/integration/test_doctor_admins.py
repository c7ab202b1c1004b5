"""What doctor finds at Admins: each trouble is made at a played console, and named with what to do."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from executor.testing.fake_console import FakeConsole
from scheduler.doctor.finding import Verdict
from tests.integration.doctor_patients import (
    CONSOLES,
    PASSWORD,
    TOKEN,
    an_admin,
    at,
    found,
    settings_for,
)
from tests.integration.executor_service import HANDLERS, an_executor


@pytest.fixture(params=CONSOLES)
async def admin(request: pytest.FixtureRequest) -> AsyncIterator[FakeConsole]:
    async with an_admin(request.param) as admin:
        yield admin


async def test_a_running_executor_is_routed_and_reached(admin: FakeConsole, tmp_path: Path) -> None:
    job_id = admin.add_job("echo")
    cluster = settings_for(admin, tmp_path).admins[0]
    secrets = {"access_token": TOKEN, "password": PASSWORD}
    said = json.dumps([cluster.model_dump(mode="json") | secrets])
    async with an_executor(tmp_path, admins=said, handlers__modules=HANDLERS) as executor:
        await admin.registered()
        await admin.fire(job_id)
        findings = await found(at(settings_for(admin, tmp_path), executor.url()))

    assert findings["routed address"][0].verdict is Verdict.OK
    [reached] = findings["way from the Admin"]
    assert (reached.verdict, "has called" in reached.said) == (Verdict.OK, True)


async def test_an_executor_that_the_admin_cannot_call_is_found(
    admin: FakeConsole, tmp_path: Path
) -> None:
    dead = "http://127.0.0.1:1"
    job_id = admin.add_job("echo")
    async with an_executor(tmp_path):
        admin.log(job_id, executor_address=dead, trigger_code=200)
        findings = await found(at(settings_for(admin, tmp_path), dead))

    [finding] = findings["way from the Admin"]
    assert finding.verdict is Verdict.FAIL
    assert f"can't call {dead}" in finding.said


async def test_a_wrong_password_fails_and_is_not_shown(admin: FakeConsole, tmp_path: Path) -> None:
    findings = await found(settings_for(admin, tmp_path, password="not-to-be-shown"))

    assert findings["console a"][0].verdict is Verdict.FAIL
    assert "a user made for this service" in findings["console a"][0].advice
    assert "not-to-be-shown" not in str(findings)


async def test_a_user_without_rights_fails_with_what_it_needs(
    admin: FakeConsole, tmp_path: Path
) -> None:
    admin.add_user("limited", PASSWORD, role=0)

    findings = await found(settings_for(admin, tmp_path, username="limited"))

    assert "administrator" in findings["console a"][0].advice


async def test_a_group_that_is_missing_fails(admin: FakeConsole, tmp_path: Path) -> None:
    findings = await found(settings_for(admin, tmp_path, app_name="another-app"))

    assert findings["group"][0].verdict is Verdict.FAIL
    assert "'another-app'" in findings["group"][0].said


@pytest.mark.parametrize("listed", ["http://127.0.0.1:9999/", "http://localhost:9999"])
async def test_another_spelling_of_our_address_fails(
    admin: FakeConsole, tmp_path: Path, listed: str
) -> None:
    admin.groups[1] = replace(admin.groups[1], manual=listed)

    findings = await found(settings_for(admin, tmp_path))

    [finding] = findings["routed address"]
    assert finding.verdict is Verdict.FAIL
    assert listed in finding.said
    assert "letter by letter" in finding.advice


async def test_a_typed_list_without_us_fails_and_an_empty_registry_warns(
    admin: FakeConsole, tmp_path: Path
) -> None:
    empty = await found(settings_for(admin, tmp_path))
    admin.groups[1] = replace(admin.groups[1], manual="http://10.0.0.1:9999")
    typed = await found(settings_for(admin, tmp_path))

    assert empty["routed address"][0].verdict is Verdict.WARN
    assert typed["routed address"][0].verdict is Verdict.FAIL


async def test_glue_that_is_refused_here_is_counted(admin: FakeConsole, tmp_path: Path) -> None:
    admin.add_job("", glueType="GLUE_SHELL")
    admin.add_job("", glueType="GLUE_SHELL")

    findings = await found(settings_for(admin, tmp_path))

    assert "2 jobs of GLUE_SHELL" in findings["GLUE"][0].said


async def test_scripts_that_are_let_in_and_the_shipped_token_are_named(tmp_path: Path) -> None:
    async with an_admin() as admin:
        settings = settings_for(admin, tmp_path, access_token="default_token")
        section = settings.executor.model_copy(update={"scripts": ["GLUE_SHELL"]})
        findings = await found(settings.model_copy(update={"executor": section}))

    assert findings["access token"][0].verdict is Verdict.FAIL
    assert "can run any code here" in findings["GLUE"][0].said


async def test_the_shipped_password_is_tried_once_and_named(
    admin: FakeConsole, tmp_path: Path
) -> None:
    changed = await found(settings_for(admin, tmp_path))
    admin.add_user("admin", "123456")
    shipped = await found(settings_for(admin, tmp_path))

    assert changed["password a"][0].verdict is Verdict.OK
    assert shipped["password a"][0].verdict is Verdict.FAIL


async def test_without_a_console_user_nothing_is_tried_unless_told_to(
    admin: FakeConsole, tmp_path: Path
) -> None:
    admin.add_user("admin", "123456")
    settings = settings_for(admin, tmp_path, username="", password="")

    quiet, told = await found(settings), await found(settings, try_password=True)

    assert "password a" not in quiet
    assert told["password a"][0].verdict is Verdict.FAIL


async def test_an_admin_with_a_job_api_alone_is_no_trouble(tmp_path: Path) -> None:
    async with an_admin("3.5") as admin:
        findings = await found(settings_for(admin, tmp_path))

    assert {one.verdict for several in findings.values() for one in several} == {Verdict.OK}


async def test_a_user_of_role_0_needs_no_list_of_groups_where_ours_is_named(
    admin: FakeConsole, tmp_path: Path
) -> None:
    admin.add_user("limited", PASSWORD, role=0, groups=(1,))

    findings = await found(settings_for(admin, tmp_path, username="limited", group_id="1"))

    assert findings["console a"][0].verdict is Verdict.OK
    assert "group_id" in findings["routed address"][0].said
