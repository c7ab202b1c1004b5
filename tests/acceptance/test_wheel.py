from __future__ import annotations

import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from tests.acceptance.command import ROOT

pytestmark = pytest.mark.sources


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from this checkout without anything from elsewhere."""
    folder = tmp_path_factory.mktemp("dist")
    build = "from hatchling.build import build_wheel; import sys; print(build_wheel(sys.argv[1]))"
    done = subprocess.run(
        [sys.executable, "-c", build, folder], cwd=ROOT, check=True, capture_output=True, text=True
    )
    return folder / done.stdout.split()[-1]


def test_the_wheel_has_the_schema_the_statements_and_the_types(wheel: Path) -> None:
    there = set(zipfile.ZipFile(wheel).namelist())

    data = [*ROOT.glob("scheduler/migrations/**/*"), *ROOT.glob("scheduler/sql/**/*.sql")]
    wanted = {str(path.relative_to(ROOT)) for path in data if path.suffix in (".py", ".sql")}
    typed = {f"{name}/py.typed" for name in ("admin_bridge", "executor", "handlers", "scheduler")}
    assert wanted | typed | {"scheduler/schema.sql"} <= there


def test_the_wheel_has_nothing_else_at_its_top(wheel: Path) -> None:
    tops = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}

    assert {top for top in tops if not top.endswith(".dist-info")} == {
        "admin_bridge",
        "executor",
        "handlers",
        "scheduler",
    }


def test_the_schema_is_the_one_of_the_checkout(wheel: Path) -> None:
    packed = zipfile.ZipFile(wheel).read("scheduler/schema.sql")

    assert packed == (ROOT / "schema.sql").read_bytes()


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment with the wheel; what it depends on is lent by this one."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder, with_pip=False)
    site = next((folder / "lib").glob("python*/site-packages"))
    zipfile.ZipFile(wheel).extractall(site)
    lent = next(path for path in map(Path, sys.path) if path.name == "site-packages")
    (site / "lent.pth").write_text(f"{lent}\n")
    return folder / "bin" / "python"


def run(python: Path, program: str, *words: str) -> str:
    """What *program* prints, far from the checkout."""
    command: list[str | Path] = [python, "-c", program, *words]
    done = subprocess.run(command, cwd="/", check=True, capture_output=True, text=True)
    return done.stdout


def test_the_wheel_has_the_command(installed: Path) -> None:
    program = (
        "from importlib.metadata import entry_points\n"
        "[command] = entry_points(group='console_scripts', name='qooerp-scheduler')\n"
        "command.load()()"
    )

    assert "port: 9999" in run(installed, program, "config", "--default")


def test_the_wheel_alone_has_its_import_names(installed: Path) -> None:
    program = (
        "from importlib.metadata import packages_distributions\n"
        "print(packages_distributions()['executor'])"
    )

    assert run(installed, program) == "['qooerp-scheduler']\n"
