"""The Python that ours and the Python peers are measured with, and environments of it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

_SYSTEM = "/usr/bin:/bin"
_VERSION = "import platform; print(platform.python_version())"


@cache
def interpreter() -> str:
    """The system's Python, as `java` is the system's, where it is of the version of this one.

    A Python that somebody has built on the spot is often built without the optimisations of those
    that distributions and images ship: with pyenv's a run takes a seventh longer.
    """
    system = shutil.which("python3", path=_SYSTEM)
    ours = f"{sys.version_info.major}.{sys.version_info.minor}."
    return system if system and version(system).startswith(ours) else sys.executable


def version(python: str) -> str:
    """Of a Python, as `3.11.2`."""
    asked = subprocess.run([python, "-c", _VERSION], capture_output=True, text=True, check=True)
    return asked.stdout.strip()


def make_environment(folder: Path, *installed: list[str]) -> str | None:
    """Make one in *folder*; *installed* is what pip is given, call by call.

    None, or why it cannot be made.
    """
    pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin/python"), "install", "-q"]
    reason = run([interpreter(), "-m", "venv", "--clear", "--without-pip", str(folder)])
    for words in installed:
        reason = reason or run([*pip, *words])
    return reason


def run(command: list[str], folder: Path | None = None) -> str | None:
    """None, or the last line that a failed *command* said."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    said = (done.stdout + done.stderr).strip().splitlines() or ["it failed without a word"]
    return None if done.returncode == 0 else said[-1]
