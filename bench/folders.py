"""Where the bench keeps what it has built, and folders for the time of a measurement."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[1]
PREPARED = ROOT / ".bench"
_SWEPT = PREPARED / "swept"
"""Touched whenever a folder was swept away."""
_MINDED_SECONDS = 370.0


@contextmanager
def folder_for_now(prefix: str = "bench-") -> Iterator[Path]:
    """A folder of its own, swept away at the end with all that is in it."""
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        _SWEPT.touch()


def minded_seconds() -> float:
    """For how long the disk still minds what was swept away last; 0 where it does not.

    For one to six minutes ext4 gives no inode of a deleted file anew, and looks past each of them
    where it makes a file (`recently_deleted`). Java makes one for each run: after 300,000 of its
    logs had been swept away, each took it 0.6 ms, and it did 2,000 runs a second instead of 5,700.
    """
    if not _SWEPT.exists():
        return 0.0
    left = _SWEPT.stat().st_mtime + _MINDED_SECONDS - time.time()
    return min(max(left, 0.0), _MINDED_SECONDS)  # the clock may have been set
