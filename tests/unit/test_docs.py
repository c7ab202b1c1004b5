"""The documents tell what is there: every setting, command and log event, and examples that run."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from bench.scenarios import ALL
from scheduler.cli import COMMANDS
from scheduler.config_file import item_of, plain, section_of
from scheduler.settings import Settings

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"
READMES = ["README.md", "README.zh-CN.md"]
_CODE = [
    path
    for name in ("executor", "admin_bridge", "scheduler", "handlers")
    for path in (ROOT / name).rglob("*.py")
]
_DOCUMENTS = [
    *ROOT.glob("*.md"),
    *(ROOT / "docs").rglob("*.md"),
    *(ROOT / "bench").glob("*.md"),
]
_PATH = re.compile(r"`((?:executor|admin_bridge|scheduler|handlers|tests|docs|bench)/[\w./*-]+)`")
_EVENT = re.compile(r"""_log\.(?:debug|info|warning|error|exception|critical)\(\s*["'](\w+)["']""")
_NAMED_EVENT = re.compile(r"event = (.+)\n\s*_log\.")


def settings_of(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Every setting below *model* as the reference writes it: key, default."""
    for name, field in model.model_fields.items():
        if (section := section_of(field)) is not None:
            yield from settings_of(section, f"{prefix}{name}.")
            continue
        default = (
            "required"
            if field.is_required()
            else f"`{json.dumps(plain(field.default), ensure_ascii=False)}`"
        )
        yield f"{prefix}{name}", default
        if (item := item_of(field)) is not None:
            yield from settings_of(item, f"{prefix}{name}[].")


def logged_events() -> set[str]:
    text = "\n".join(path.read_text(encoding="utf-8") for path in _CODE)
    chosen = [name for line in _NAMED_EVENT.findall(text) for name in re.findall(r'"(\w+)"', line)]
    return {*_EVENT.findall(text), *chosen}


def blocks(readme: str, language: str) -> list[str]:
    text = (ROOT / readme).read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


@pytest.mark.parametrize(("key", "default"), [*settings_of(Settings)])
def test_every_setting_is_in_the_reference_with_its_default(key: str, default: str) -> None:
    assert f"| `{key}` | {default} |" in (REFERENCE / "settings.md").read_text(encoding="utf-8")


def test_the_reference_has_no_setting_that_is_gone() -> None:
    written = re.findall(r"^\| `([^`]+)` \|", (REFERENCE / "settings.md").read_text(), re.MULTILINE)

    assert written == list(dict.fromkeys(written))
    assert {*written} == {key for key, _ in settings_of(Settings)}


def test_every_log_event_is_in_the_reference_and_no_other() -> None:
    written = re.findall(r"^\| `(\w+)` \|", (REFERENCE / "log-events.md").read_text(), re.MULTILINE)

    assert {*written} == logged_events()


def test_the_events_that_are_looked_for_are_found() -> None:
    assert {"executor_started", "handler_loop_blocked"} <= logged_events()


def test_every_command_is_in_the_reference_and_no_other() -> None:
    written = re.findall(r"^## ([\w-]+)$", (REFERENCE / "cli.md").read_text(), re.MULTILINE)

    assert {*written} == {*COMMANDS}


@pytest.mark.parametrize("readme", READMES)
def test_every_command_is_in_the_readme(readme: str) -> None:
    text = (ROOT / readme).read_text(encoding="utf-8")

    assert all(f"`{name}`" in text for name in COMMANDS)


@pytest.mark.parametrize("readme", READMES)
async def test_the_handler_of_the_readme_and_its_tests_run_as_they_are(
    readme: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    handler, alone, whole_way = blocks(readme, "python")
    (tmp_path / "my_jobs.py").write_text(handler, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "my_jobs", raising=False)

    exec(compile(alone, readme, "exec"), {})

    names: dict[str, Any] = {}
    exec(compile(whole_way, readme, "exec"), names)
    await names["test_a_trigger_comes_back_as_a_result"](tmp_path)


def test_the_example_of_the_tutorial_runs_by_itself() -> None:
    tutorial = ast.get_docstring(ast.parse((ROOT / "handlers" / "sample.py").read_text("utf-8")))
    lines = re.findall(r"^    (.+)$", tutorial or "", re.MULTILINE)

    said = subprocess.run([sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True)

    assert "Berlin: 3 days in celsius" in said.stdout, said.stderr


def test_both_readmes_have_the_same_examples_and_parts() -> None:
    english, chinese = (_skeleton(readme) for readme in READMES)

    assert english == chinese


@pytest.mark.parametrize("path", _DOCUMENTS, ids=str)
def test_every_link_leads_to_a_file(path: Path) -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", path.read_text(encoding="utf-8"))

    assert [target for target in targets if not (path.parent / target).exists()] == []


@pytest.mark.parametrize("path", _DOCUMENTS, ids=str)
def test_every_path_that_is_named_is_there(path: Path) -> None:
    named = _PATH.findall(path.read_text(encoding="utf-8"))

    assert [one for one in named if not list(ROOT.glob(one))] == []


def test_every_benchmark_is_in_its_readme_and_no_other() -> None:
    text = (ROOT / "bench" / "README.md").read_text(encoding="utf-8")
    written = re.findall(r"^\| `([\w-]+)` \|", text, re.MULTILINE)

    assert sorted(written) == sorted(scenario.name for scenario in ALL)


def _skeleton(readme: str) -> list[str]:
    """Levels of headings, code without its comments, links: what no translation changes."""
    text = (ROOT / readme).read_text(encoding="utf-8")
    found = re.findall(r"^#+ |```\w+\n.*?```|\]\([^)]+\)", text, re.DOTALL | re.MULTILINE)
    return sorted(re.sub(r" +# .*", "", part) for part in found if "README" not in part)
