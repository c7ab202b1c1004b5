from __future__ import annotations

import asyncio
import re
import signal
import socket
from pathlib import Path

import pytest

from scheduler.cli import COMMANDS
from tests.acceptance.command import LIMIT_S, line_with, say, started


async def test_help_lists_every_command(tmp_path: Path) -> None:
    said = await say(tmp_path, "--help")

    assert said.code == 0
    assert all(f"  {name} " in said.out for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
async def test_every_command_explains_itself(tmp_path: Path, name: str) -> None:
    said = await say(tmp_path, name, "--help")

    assert said.code == 0
    assert said.out.startswith(f"usage: qooerp-scheduler {name}")


async def test_an_unknown_command_is_refused_with_those_that_are_known(tmp_path: Path) -> None:
    said = await say(tmp_path, "exekutor")

    assert said.code == 2
    known = said.err.partition("choose from")[2]  # newer Pythons do not quote them
    assert re.search(r"\bexecutor\b", known)


async def test_the_version_is_told(tmp_path: Path) -> None:
    assert (await say(tmp_path, "--version")).out.startswith("qooerp-scheduler 0.")


async def test_an_executor_told_to_end_exits_0(tmp_path: Path) -> None:
    async with started(tmp_path, "executor", executor__port=0) as executor:
        await line_with(executor.stderr, "executor_started")
        executor.send_signal(signal.SIGTERM)

        assert await asyncio.wait_for(executor.wait(), LIMIT_S) == 0


async def test_its_events_are_json_where_that_is_set(tmp_path: Path) -> None:
    settings = {"executor__port": 0, "logging__format": "json"}
    async with started(tmp_path, "executor", **settings) as executor:
        line = await line_with(executor.stderr, "executor_started")

    assert '"event":"executor_started"' in line.replace(" ", "")


async def test_an_open_port_without_a_token_is_refused_in_a_sentence(tmp_path: Path) -> None:
    said = await say(tmp_path, "executor", executor__host="0.0.0.0")

    assert said.code == 2
    assert "QOOERP_EXECUTOR__ACCESS_TOKEN" in said.err
    assert "Traceback" not in said.err


@pytest.mark.parametrize(
    ("command", "key"), [("executor", "executor.port"), ("serve", "scheduler.port")]
)
async def test_a_port_in_use_ends_the_start_with_a_sentence_that_names_its_setting(
    tmp_path: Path, command: str, key: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        said = await say(tmp_path, command, **{"executor__port": 0, key.replace(".", "__"): port})

    assert said.code == 2
    assert f"qooerp-scheduler: {key} {port}: address already in use" in said.err
    assert "Traceback" not in said.err


async def test_a_handler_module_that_cannot_be_imported_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "broken_jobs.py").write_text("import nowhere_to_be_found\n")

    said = await say(tmp_path, "executor", handlers__modules="broken_jobs")

    assert said.code == 2
    assert "[broken_jobs]" in said.err
    assert "nowhere_to_be_found" in said.err


async def test_handlers_are_found_in_the_working_folder(tmp_path: Path) -> None:
    (tmp_path / "our_jobs.py").write_text(
        "from executor import job_handler\n@job_handler('ours')\ndef ours(): return 'done'\n"
    )
    settings = {"executor__port": 0, "handlers__modules": "our_jobs"}
    async with started(tmp_path, "executor", **settings) as executor:
        line = await line_with(executor.stderr, "executor_started")

    assert "handlers=1" in line
