"""Builds the peers into .bench/: `python -m bench.peers.prepare`. What is built already is left."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from bench.folders import PREPARED
from bench.python import make_environment, run
from bench.target import is_newer
from bench.targets import JAVA_VERSIONS

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
    if is_newer(out / "lib", source):
        return None
    if not (shutil.which("java") and shutil.which("mvn")):
        return "Java or Maven is not installed"
    command = ["mvn", "-q", "-B", "clean", "package", f"-Dxxl.version={version}", f"-Dout={out}"]
    return run(command, source)


def _pyxxl() -> str | None:
    folder = PREPARED / "pyxxl"
    mark = folder / "pyxxl-is-installed"
    if mark.exists():
        return None
    reason = make_environment(folder, [PYXXL])
    if reason is None:
        mark.touch()
    return reason


def _go() -> str | None:
    out, source = PREPARED / "gopeer", HERE / "go"
    if is_newer(out, source):
        return None
    if not shutil.which("go"):
        return "Go is not installed"
    return run(["go", "build", "-o", str(out), "."], source)


if __name__ == "__main__":
    for peer, reason in prepare().items():
        print(f"{peer} is absent: {reason}")
