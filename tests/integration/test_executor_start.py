"""A start that is refused: exit code 2, and one line that says what to change."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.executor_service import ROOT, Service, environment

COMMAND = [sys.executable, "-m", "scheduler", "executor"]


def refusal(folder: Path, **settings: object) -> str:
    """What a start with *settings* says when it is refused."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    done = subprocess.run(
        [*COMMAND, "--app-dir", str(folder)],
        env=kept | environment(folder, **settings) | {"PYTHONPATH": str(ROOT)},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


def test_being_reachable_from_other_machines_without_a_token_is_refused(tmp_path: Path) -> None:
    said = refusal(tmp_path, executor__host="0.0.0.0")

    assert "executor.host 0.0.0.0" in said
    assert "QOOERP_EXECUTOR__ACCESS_TOKEN" in said


def test_scripts_without_a_token_are_refused(tmp_path: Path) -> None:
    assert "executor.scripts" in refusal(tmp_path, executor__scripts='["GLUE_SHELL"]')


def test_a_handler_module_that_does_not_import_is_named(tmp_path: Path) -> None:
    (tmp_path / "broken_handlers.py").write_text("import nowhere_to_be_found\n")

    said = refusal(tmp_path, handlers__modules="broken_handlers")
    assert "[broken_handlers]" in said
    assert "nowhere_to_be_found" in said


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        ({"executor__prot": 1}, "executor.prot"),
        ({"exekutor__port": 1}, "QOOERP_EXEKUTOR__PORT"),
        ({"executor__port": "many"}, "executor.port"),
        ({"executor__max_threads": 0}, "executor.max_threads"),
        ({"admin__addresses": "127.0.0.1:8080"}, "127.0.0.1:8080"),
    ],
)
def test_a_setting_that_cannot_be_is_named(
    tmp_path: Path, settings: dict[str, object], names: str
) -> None:
    assert names in refusal(tmp_path, **settings)


def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        assert str(port) in refusal(tmp_path, executor__port=port)


def test_a_folder_that_may_not_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")

    assert "taken" in refusal(tmp_path, data_dir=tmp_path / "taken")


async def test_the_data_of_another_running_executor_is_left_alone(tmp_path: Path) -> None:
    async with Service(tmp_path):
        said = await asyncio.to_thread(refusal, tmp_path)

    assert str(tmp_path / "data") in said
    assert "another running executor" in said


async def test_a_config_file_can_be_named_by_a_variable(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("executor: {max_waiting: 0}\n")

    said = await asyncio.to_thread(refusal, tmp_path, config=tmp_path / "config.yaml")
    assert "executor.max_waiting" in said
