"""Ours as it is delivered: the wheel of `make wheel`, in an environment of its own."""

from __future__ import annotations

from bench.folders import PREPARED, ROOT
from bench.python import make_environment, run
from bench.target import is_newer

_FOLDER = PREPARED / "ours"
_MARK = _FOLDER / "ours-is-installed"
_PARTS = (
    "executor",
    "admin_bridge",
    "scheduler",
    "handlers",
    "schema.sql",
    "pyproject.toml",
    "requirements-run.lock",
)
COMMAND = _FOLDER / "bin/qooerp-scheduler"
PATH = PREPARED / "path"
"""A folder for PYTHONPATH that has `bench` and nothing else: sources would hide the wheel's."""


def prepare_ours() -> str | None:
    """Build and install it, unless it is there and as the sources are; None, or why it cannot be."""
    PATH.mkdir(parents=True, exist_ok=True)
    link = PATH / "bench"
    if not link.is_symlink():
        link.symlink_to(ROOT / "bench")
    if all(is_newer(_MARK, ROOT / part) for part in _PARTS):
        return None
    reason = run(["make", "wheel"], ROOT) or make_environment(
        _FOLDER,
        ["--require-hashes", "-r", str(ROOT / "requirements-run.lock")],
        ["--no-deps", *map(str, (ROOT / "dist").glob("*.whl"))],
    )
    if reason is None:
        _MARK.touch()
    return reason
