"""The installed command, as a real process with an environment of its own."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

COMMAND = Path(sys.executable).parent / "qooerp-scheduler"
ROOT = Path(__file__).parents[2]
LIMIT_S = 120.0


class Said(NamedTuple):
    """What a finished command said."""

    code: int
    out: str
    err: str


def environment(folder: Path, **settings: object) -> dict[str, str]:
    """Only what is named here: *settings* as `executor__port=1`, data in *folder*."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    chosen = {"data_dir": folder / "data"} | settings
    return kept | {f"QOOERP_{name.upper()}": str(value) for name, value in chosen.items()}


async def say(folder: Path, *words: object, **settings: object) -> Said:
    """Run the command in *folder* until it ends."""
    async with started(folder, *words, **settings) as process:
        async with asyncio.timeout(LIMIT_S):
            out, err = await process.communicate()
        assert process.returncode is not None
        return Said(process.returncode, out.decode(), err.decode())


@asynccontextmanager
async def started(
    folder: Path, *words: object, **settings: object
) -> AsyncIterator[asyncio.subprocess.Process]:
    """The command while it runs, its output in pipes; killed if it is still there afterwards."""
    process = await asyncio.create_subprocess_exec(
        COMMAND,
        *map(str, words),
        cwd=folder,
        env=environment(folder, **settings),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGKILL)
            await process.communicate()


async def line_with(stream: asyncio.StreamReader | None, text: str) -> str:
    """The next line of *stream* that holds *text*; AssertionError when there is none."""
    assert stream is not None
    async with asyncio.timeout(LIMIT_S):
        async for line in stream:
            if text in line.decode():
                return line.decode()
    raise AssertionError(f"it ended without a line with {text!r}")
