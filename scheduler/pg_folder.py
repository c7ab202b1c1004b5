"""The data folder of the embedded server: whose it is, who uses it, and programs run on it."""

from __future__ import annotations

import ctypes
import fcntl
import os
import signal
import subprocess
import sys
import time
from asyncio import sleep
from collections.abc import Callable
from contextlib import suppress
from math import inf
from pathlib import Path
from typing import Any

from executor import forks
from executor.errors import StartRefused
from scheduler.pg_account import Account

_PR_SET_PDEATHSIG = 1
_POLL_S = 0.005


class PgFolder:
    """A folder with `pgdata`, `password`, `lock` and `postgres.log`, and nothing else.

    Where *account* cannot pass a parent folder (a checkout in /root), its programs are handed the
    folder as an open descriptor: `/proc/self/fd/N` asks for no permission on the way.
    """

    def __init__(self, path: Path, account: Account) -> None:
        self.path = path
        self.pgdata = path / "pgdata"
        self.password = path / "password"
        self._log = path / "postgres.log"
        self._account = account
        self._said_from = 0
        self._lock: int | None = None
        self._door: int | None = None

    async def open(self, patience_s: float) -> None:
        """Make it ours alone; StartRefused if another service holds it for *patience_s*."""
        self._claim()
        self._lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        forks.keep([self._lock])
        deadline = time.monotonic() + patience_s  # a predecessor may be leaving
        while not _locked(self._lock):
            if time.monotonic() > deadline:
                raise StartRefused(
                    f"{self.path} is in use by another running service:"
                    " stop it, or give this one a data_dir of its own"
                )
            await sleep(0.05)
        if not self._account.can_reach(self.pgdata):
            self._door = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)

    def close(self) -> None:
        """Let others use it; safe to call twice."""
        if self._lock is not None:
            forks.leave([self._lock])
        for descriptor in (self._lock, self._door):
            if descriptor is not None:
                os.close(descriptor)
        self._lock = self._door = None

    @property
    def seen(self) -> str:
        """The path to name to a program of the account."""
        return str(self.path) if self._door is None else f"/proc/self/fd/{self._door}"

    def give(self, path: Path) -> None:
        """Make *path* the account's."""
        if self._account.uid is not None and self._account.gid is not None:
            os.chown(path, self._account.uid, self._account.gid)

    def run(self, *command: Path | str, ends_with_us: bool = False) -> subprocess.Popen[bytes]:
        """Start *command* as the account, in a session of its own, its output going to the log."""
        self._said_from = self._log.stat().st_size if self._log.exists() else 0
        with self._log.open("ab") as output:
            return subprocess.Popen(
                [str(word) for word in command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={"LC_ALL": "C", "TZ": "UTC", "PATH": os.environ.get("PATH", os.defpath)},
                pass_fds=() if self._door is None else (self._door,),
                start_new_session=True,  # a ^C at the terminal is for the service, which stops us
                preexec_fn=_dying_with(os.getpid()) if ends_with_us else None,
                **self._identity(),
            )

    def said(self) -> str:
        """What the last program said, at most 2,000 characters."""
        with self._log.open("rb") as log:
            log.seek(self._said_from)
            return log.read().decode(errors="replace")[-2000:].strip()

    async def clear_predecessor(self, limit_s: float) -> None:
        """Stop a server that outlived its service, and forget one that died."""
        pid_file = self.pgdata / "postmaster.pid"
        pid = postmaster_of(self.pgdata)
        if pid is not None:
            os.kill(pid, signal.SIGINT)
            deadline = time.monotonic() + limit_s
            while postmaster_of(self.pgdata) is not None:
                if time.monotonic() > deadline:
                    raise StartRefused(f"another PostgreSQL (pid {pid}) does not leave {self.path}")
                await sleep(_POLL_S)
        if sys.platform == "linux":
            pid_file.unlink(missing_ok=True)

    def is_ready(self, pid: int) -> bool:
        """Whether the server *pid* says that it takes connections."""
        with suppress(OSError):
            lines = (self.pgdata / "postmaster.pid").read_text().splitlines()
            return len(lines) > 7 and lines[0] == str(pid) and lines[7].strip() == "ready"
        return False

    def _claim(self) -> None:
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        known = {"pgdata", "pgdata.new", "password", "lock", "postgres.log"}
        strange = {entry.name for entry in self.path.iterdir()} - known
        if strange:
            raise StartRefused(
                f"{self.path} holds {min(strange)}, which is not of an embedded database:"
                " name an empty folder"
            )
        self.give(self.path)

    def _identity(self) -> dict[str, Any]:
        if self._account.uid is None:
            return {}
        return {"user": self._account.uid, "group": self._account.gid, "extra_groups": []}


def postmaster_of(pgdata: Path) -> int | None:
    """The process that serves *pgdata*.

    A number in `postmaster.pid` proves nothing: after a reboot or in a new container it is
    somebody else's. It is the server's if that process works in the folder and is no zombie.
    """
    with suppress(OSError, ValueError):
        pid = int((pgdata / "postmaster.pid").read_text().split("\n", 1)[0])
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        if state not in "ZX" and Path(f"/proc/{pid}/cwd").samefile(pgdata):
            return pid
    return None


async def ended(process: subprocess.Popen[bytes], limit_s: float = inf) -> int | None:
    """The exit status of *process*, or None when it has not ended within *limit_s*.

    Looked for, not signalled: so it may start in one event loop and end in another.
    """
    deadline, pause = time.monotonic() + limit_s, _POLL_S
    while process.poll() is None and time.monotonic() < deadline:
        await sleep(pause)
        pause = min(pause * 1.2, 0.1)
    return process.returncode


def _locked(descriptor: int) -> bool:
    with suppress(BlockingIOError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


def _dying_with(parent: int) -> Callable[[], None] | None:
    """What a child does before exec so that the kernel stops it when *parent*'s thread ends."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl  # looked up here: the child of a fork should not allocate

    def before_exec() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGINT, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return before_exec
