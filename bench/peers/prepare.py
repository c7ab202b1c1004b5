"""Builds the peers into .bench/: `python -m bench.peers.prepare`. What is built already is left."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from bench.targets import JAVA_VERSIONS, PREPARED

HERE = Path(__file__).parent
PYXXL = "pyxxl==0.4.8"


def prepare() -> dict[str, str]:
    """Builds what can be built; for each peer that is absent, why."""
    PREPARED.mkdir(exist_ok=True)
    steps: dict[str, Callable[[], str | None]] = {
        **{f"Java {version}": _java_step(version) for version in JAVA_VERSIONS},
        PYXXL: _pyxxl,
        "executor-go 1.2.0": _go,
    }
    found = {name: step() for name, step in steps.items()}
    return {name: reason for name, reason in found.items() if reason is not None}


def _java_step(version: str) -> Callable[[], str | None]:
    return lambda: _java(version)


def _java(version: str) -> str | None:
    out, source = PREPARED / f"java-{version}", HERE / "java"
    if _is_newer(out / "lib", source):
        return None
    if not (shutil.which("java") and shutil.which("mvn")):
        return "Java or Maven is not installed"
    command = ["mvn", "-q", "-B", "clean", "package", f"-Dxxl.version={version}", f"-Dout={out}"]
    return run(command, source)


def _pyxxl() -> str | None:
    folder = PREPARED / "pyxxl"
    mark = folder / "bin/pyxxl-is-installed"
    if mark.exists():
        return None
    reason = run([sys.executable, "-m", "venv", str(folder)], HERE)
    reason = reason or run([str(folder / "bin/pip"), "install", "-q", PYXXL], HERE)
    if reason is None:
        mark.touch()
    return reason


def _go() -> str | None:
    out, source = PREPARED / "gopeer", HERE / "go"
    if _is_newer(out, source):
        return None
    if not shutil.which("go"):
        return "Go is not installed"
    return run(["go", "build", "-o", str(out), "."], source)


def _is_newer(built: Path, source: Path) -> bool:
    if not built.exists():
        return False
    sources = (path.stat().st_mtime for path in source.rglob("*") if path.is_file())
    return built.stat().st_mtime > max(sources)


def run(command: list[str], folder: Path) -> str | None:
    """None, or the last line that a failed *command* said."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    said = (done.stdout + done.stderr).strip().splitlines() or ["it failed without a word"]
    return None if done.returncode == 0 else said[-1]


if __name__ == "__main__":
    for peer, reason in prepare().items():
        print(f"{peer} is absent: {reason}")
