"""Keeps what is on disk from other users of the machine: it holds parameters and lines of logs."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_FOLDER, _THROUGH, _FILE = 0o700, 0o711, 0o600
"""Of *data_dir* itself others may pass through, not look in: as root PostgreSQL is another user."""


def keep_private(data_dir: Path) -> None:
    """Make *data_dir* and `logs` in it, and close to others what of them is ours. Raise OSError."""
    logs = data_dir / "logs"
    for folder, mode in ((data_dir, _FOLDER if os.geteuid() else _THROUGH), (logs, _FOLDER)):
        folder.mkdir(parents=True, exist_ok=True, mode=mode)
        _close(folder, mode)
    for file in _files(data_dir, logs):
        _close(file, _FILE)


def make_private(path: Path) -> None:
    """Make the file at *path*, if it is missing, for us alone; SQLite's files beside it follow it.

    What keeps it from that is said by who opens it.
    """
    with suppress(OSError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL, _FILE))


def _files(data_dir: Path, logs: Path) -> Iterator[Path]:
    yield from data_dir.glob("journal.*")
    yield from logs.glob("*.db*")


def _close(path: Path, most: int) -> None:
    """Take from others what is more than *most*; what is a link, or not ours, stays as it is."""
    with suppress(FileNotFoundError):  # SQLite may delete what is beside its file
        found = path.lstat()
        if stat.S_ISLNK(found.st_mode) or found.st_uid != os.geteuid():
            return
        if found.st_mode & 0o777 & ~most:
            path.chmod(stat.S_IMODE(found.st_mode) & most)
