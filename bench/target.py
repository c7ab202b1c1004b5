"""An executor under measurement: how it is started, watched and ended."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from bench.folders import ROOT, folder_for_now
from bench.http1 import post
from bench.waiting import until
from executor.testing._ports import free_port

START_SECONDS = 30
LEAVE_SECONDS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where one started target lives."""

    port: int
    admin_url: str
    folder: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One executor that can be measured.

    Every target has the handlers `noop` (logs one line) and `brief` (20 ms), and those named here.
    """

    name: str
    command: Callable[[Place], list[str]]
    needs: Path
    """What its preparation leaves behind; without it the target is absent."""
    env: Callable[[Place], dict[str, str]] = lambda _: {}
    cores: str = "0"
    """Where it may run, as taskset writes it."""
    name_of: Callable[[str, int], str] = lambda handler, _: handler
    """The registered name of a handler for one job."""
    endless: dict[str, str] = field(default_factory=dict)
    """Isolation to the handler that runs long in it, for kill."""
    block: str | None = "block"
    """The handler that blocks for 5 s in the way its isolation must not."""
    writer: str | None = "writer"
    """The handler that logs as many lines as its parameter says."""

    @property
    def is_present(self) -> bool:
        return self.needs.exists()


class Running:
    """A started target, on its core, in a session of its own."""

    def __init__(self, target: Target, place: Place) -> None:
        self.target = target
        self.place = place
        self.start()

    def start(self) -> None:
        """Starts it, again too: on the same port and folder."""
        command = ["taskset", "-c", self.target.cores, *self.target.command(self.place)]
        self._started = time.monotonic()
        with (self.place.folder / "output.log").open("ab") as output:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=ROOT,
                env={**os.environ, **self.target.env(self.place)},
                start_new_session=True,
            )

    async def ready(self) -> float:
        """Waits for the first /beat; gives the seconds since the start."""
        while time.monotonic() - self._started < START_SECONDS and self._process.poll() is None:
            with suppress(OSError):
                await post(self.place.port, "/beat")
                return time.monotonic() - self._started
            await asyncio.sleep(0.005)
        said = (self.place.folder / "output.log").read_text(errors="replace")
        raise RuntimeError(f"{self.target.name} did not start:\n{said[-2000:]}")

    def kill(self) -> None:
        """Kill -9, no farewell, its children included."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    async def leave(self) -> None:
        """Asks it to end, as an orchestrator does, and waits until it has; kills it after a minute."""
        self._process.terminate()
        await until(lambda: self._process.poll() is not None, seconds=LEAVE_SECONDS)
        self.kill()

    def cpu_seconds(self) -> float:
        """CPU time used so far by it and its living children, finer than psutil's 10 ms."""
        return sum(cpu_of(process.pid) for process in self.family())

    def memory(self) -> int:
        """Bytes of memory of it and its children; pages that they share count once (PSS)."""
        return sum(process.memory_full_info().pss for process in self.family())

    def family(self) -> list[psutil.Process]:
        """It and its children."""
        process = psutil.Process(self._process.pid)
        return [process, *process.children(recursive=True)]


def cpu_of(pid: int) -> float:
    """The process's own CPU clock; Linux forms its id from the pid like this."""
    with suppress(OSError):
        return time.clock_gettime(~pid << 3 | 2)
    return 0.0


def is_newer(built: Path, source: Path) -> bool:
    """Whether *built* is there, and no file of *source* has changed since."""
    if not built.exists():
        return False
    files = source.rglob("*") if source.is_dir() else [source]
    changed = max(file.stat().st_mtime for file in files if file.suffix != ".pyc")
    return built.stat().st_mtime > changed


@contextmanager
def running(target: Target, admin_url: str) -> Iterator[Running]:
    """A started target with a folder of its own; killed and swept away at the end."""
    with folder_for_now() as folder:
        started = Running(target, Place(port=free_port(), admin_url=admin_url, folder=folder))
        try:
            yield started
        finally:
            started.kill()
