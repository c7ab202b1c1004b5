"""Other engines on PostgreSQL, in a virtual environment of their own."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import orjson

from bench.folders import PREPARED
from bench.python import make_environment
from bench.service import Server

_HERE = Path(__file__).parent
_FOLDER = PREPARED / "engines"
_PINNED = (
    *("apscheduler==3.11.3", "sqlalchemy>=2,<3"),
    *("procrastinate==3.10.0", "psycopg[binary,pool]>=3.2,<4"),
)


@dataclass(frozen=True, slots=True)
class Peer:
    """An engine, as its program here runs it."""

    name: str
    program: str
    factor: float
    """How many times its rate is asked of ours."""
    count: int
    """Fires that it is given in a turn."""
    options: tuple[str, ...] = ()


PEERS = (
    Peer("APScheduler 3.11.3, runs recorded", "apscheduler_fires.py", 10, 4_000, ("record",)),
    Peer("APScheduler 3.11.3, nothing recorded", "apscheduler_fires.py", 10, 4_000),
    Peer("procrastinate 3.10.0", "procrastinate_runs.py", 3, 4_000, ("30",)),
)


def prepare_engines() -> str:
    """Install them; why they are absent, or nothing."""
    mark = _FOLDER / "peers-are-installed"
    if mark.exists():
        return ""
    reason = make_environment(_FOLDER, list(_PINNED))
    if reason is None:
        mark.touch()
    return reason or ""


async def rate_of(peer: Peer, server: Server, offered: int) -> float:
    """Fires a second, on a database of its own; *offered* become due a second."""
    name = "_".join((Path(peer.program).stem, *peer.options))
    connection = await asyncpg.connect(server.of("postgres"))
    await connection.execute(f"CREATE DATABASE {name}")
    await connection.close()
    process = await asyncio.create_subprocess_exec(
        *(str(_FOLDER / "bin/python"), str(_HERE / peer.program), server.of(name)),
        *(str(peer.count), str(offered), *peer.options),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    said, _ = await process.communicate()
    if process.returncode != 0:
        raise RuntimeError(f"{peer.name} failed")
    answer = orjson.loads(said)
    return float(answer["fires"] / answer["seconds"])
