"""Sweeping up after a measurement, and waiting until the disk no longer minds."""

from __future__ import annotations

import asyncio
import shutil
import time
from pathlib import Path

_SWEPT = Path(__file__).parents[1] / ".bench/swept"
"""Touched whenever something was swept away."""
_MINDED_SECONDS = 370.0


def sweep(folder: Path) -> None:
    """Removes *folder* and all that is in it."""
    shutil.rmtree(folder, ignore_errors=True)
    _SWEPT.touch()


async def forgotten() -> None:
    """Waits until it is six minutes since something was swept away.

    For so long ext4 gives no inode of a deleted file anew, and looks past each of them where it makes
    a file (`recently_deleted`). Java makes one for each run: after 300,000 of its logs had been swept
    away, each took it 0.6 ms, and it did 2,000 runs a second instead of 5,700.
    """
    if _SWEPT.exists():
        await asyncio.sleep(max(0.0, _SWEPT.stat().st_mtime + _MINDED_SECONDS - time.time()))
