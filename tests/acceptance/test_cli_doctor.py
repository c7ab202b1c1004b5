from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from executor.testing.fake_admin import FakeAdmin
from tests.acceptance.command import LIMIT_S, ROOT, say, started
from tests.acceptance.test_cli_logs import refuse

TOKEN = "the-token"


async def examine(folder: Path, **settings: object) -> tuple[int, dict[str, dict[str, Any]]]:
    """The exit code of `doctor`, and its findings by subject."""
    chosen = {"executor__port": 0, "scheduler__port": 0} | settings
    said = await say(folder, "doctor", "--json", "--app-dir", ROOT, **chosen)
    return said.code, {finding["subject"]: finding for finding in json.loads(said.out)}


async def test_a_sound_setup_has_nothing_that_failed(tmp_path: Path) -> None:
    async with FakeAdmin("2.4", token=TOKEN) as admin:
        settings = {"admin__addresses": admin.url, "admin__access_token": TOKEN}
        code, found = await examine(tmp_path, **settings)

    assert code == 0
    assert found["admin default"]["verdict"] == "ok"
    assert found["clock"]["verdict"] == "ok"
    assert found["handlers"]["verdict"] == "ok"


async def test_a_wrong_token_is_said_as_the_admin_means_it(tmp_path: Path) -> None:
    async with FakeAdmin("2.4", token=TOKEN) as admin:
        settings = {"admin__addresses": admin.url, "admin__access_token": "another"}
        code, found = await examine(tmp_path, **settings)

    assert code == 1
    assert "access token is wrong" in found["admin default"]["said"]


async def test_a_wrong_base_path_is_said_with_what_to_try(tmp_path: Path) -> None:
    async with FakeAdmin("2.4") as admin:
        root = admin.url.removesuffix("/xxl-job-admin")
        code, found = await examine(tmp_path, admin__addresses=root)

    assert code == 1
    assert "/xxl-job-admin" in found["admin default"]["said"]


async def test_an_admin_that_is_away_fails(tmp_path: Path) -> None:
    code, found = await examine(tmp_path, admin__addresses="http://127.0.0.1:1")

    assert code == 1
    assert found["admin default"]["verdict"] == "fail"


async def test_an_address_that_is_no_url_is_refused_as_at_the_start(tmp_path: Path) -> None:
    said = await say(tmp_path, "doctor", admin__addresses="admin.example:8080")

    assert said.code == 2
    assert "admin.addresses: " in said.err
    assert "http://" in said.err


async def test_a_running_executor_is_seen_and_answers(tmp_path: Path) -> None:
    async with FakeAdmin("2.4", token=TOKEN) as admin:
        settings = {"admin__addresses": admin.url, "admin__access_token": TOKEN}
        async with started(tmp_path, "executor", "--app-dir", ROOT, executor__port=0, **settings):
            address = await admin.registered(LIMIT_S)
            port = address.rpartition(":")[2].strip("/")
            code, found = await examine(tmp_path, executor__port=port, **settings)

    assert code == 0
    assert "answers from here" in found["advertised address"]["said"]
    assert "running executor" in found["journal"]["said"]
    assert found["executor.port"]["verdict"] == "ok"


async def test_loopback_advertised_to_another_machine_is_a_warning(tmp_path: Path) -> None:
    _, found = await examine(tmp_path, admin__addresses="http://admin.invalid:8080")

    assert found["advertised address"]["verdict"] == "warn"
    assert "this machine alone" in found["advertised address"]["said"]


async def test_an_open_port_without_a_token_fails(tmp_path: Path) -> None:
    code, found = await examine(tmp_path, executor__host="0.0.0.0")

    assert code == 1
    assert "access_token" in found["tokens"]["said"]


async def test_dead_letters_are_a_warning_with_the_command_to_see_them(tmp_path: Path) -> None:
    refuse(tmp_path, 7)

    code, found = await examine(tmp_path)

    assert code == 0
    assert found["dead letters"]["advice"] == "qooerp-scheduler logs dead"


async def test_a_journal_is_found_whatever_its_folder_is_called(tmp_path: Path) -> None:
    refuse(tmp_path / "a#b %20")
    _, found = await examine(tmp_path / "a#b %20")

    assert found["journal"]["verdict"] == "ok"


async def test_a_journal_that_is_not_one_fails(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "journal.db").write_bytes(b"no SQLite file at all" * 100)

    code, found = await examine(tmp_path)

    assert code == 1
    assert found["journal"]["verdict"] == "fail"


async def test_a_database_that_is_away_fails_and_its_password_is_not_shown(tmp_path: Path) -> None:
    url = "postgresql://someone:not-to-be-shown@127.0.0.1:1/x"
    chosen = {"executor__port": 0, "scheduler__port": 0, "database__url": url}

    said = await say(tmp_path, "doctor", "--app-dir", ROOT, **chosen)

    assert said.code == 1
    assert "fail  database:" in said.out
    assert "not-to-be-shown" not in said.out + said.err


async def test_a_handler_module_that_cannot_be_imported_fails(tmp_path: Path) -> None:
    code, found = await examine(tmp_path, handlers__modules="nowhere_to_be_found")

    assert code == 1
    assert "[nowhere_to_be_found]" in found["handlers"]["said"]


async def test_the_zone_in_force_is_said_with_what_names_it(tmp_path: Path) -> None:
    _, set_here = await examine(tmp_path, scheduler__timezone="Asia/Shanghai")
    _, systems = await examine(tmp_path)

    assert set_here["timezone"]["said"] == "Asia/Shanghai, by scheduler.timezone"
    assert "the system's" in systems["timezone"]["said"]
