"""A PostgreSQL server of our own, from a PyPI wheel, that lives exactly as long as we do.

The wheel's own Python layer is not used: it leaves servers behind when we are killed, and believes
a stale `postmaster.pid`. Here the server is a direct child that the kernel stops when we die
(Linux), and a pid file is believed only when its process works in our data folder.
"""

from __future__ import annotations

import secrets
import shutil
import signal
import socket
import subprocess
import time
from asyncio import sleep
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from executor.errors import StartRefused
from scheduler.pg_account import account_for, binaries_for
from scheduler.pg_folder import PgFolder, ended, postmaster_of

DATABASE = "qooerp_scheduler"
_USER = "qooerp"
_PATIENCE_S = 5.0
_RETRIED = ("could not bind", "Address already in use", "pre-existing shared memory")
"""What a server says whose port was just taken, or whose predecessor's children still die."""

_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",  # its path would have to be short, and reachable to us both
    "shared_buffers": "64MB",
    "max_connections": "60",
    "max_wal_size": "512MB",
    "jit": "off",
    "io_method": "sync",  # no processes for reading ahead: the data fits in memory
    "timezone": "UTC",
    "log_timezone": "UTC",
}


class EmbeddedPostgres:
    """One server on one *data_dir*: TCP on a free port of 127.0.0.1, scram, a random password.

    As root the folder is given to *user* (or stays its owner's), as whom the server runs.
    *settings* are PostgreSQL's, beside and above our own.
    Call `start` in the main thread: the kernel ends the server with the *thread* that started it.
    """

    def __init__(
        self,
        data_dir: Path | str,
        *,
        user: str = "nobody",
        limit_s: float = 30,
        settings: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        path = Path(data_dir).absolute()
        self._account = account_for(path, user=user)
        self._folder = PgFolder(path, self._account)
        self._limit_s = limit_s
        self._settings = {**_SETTINGS, **settings}
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0
        """Once it has served: who is connected to it knows no other."""

    @property
    def dsn(self) -> str:
        """Where it listens, with its password: never log it."""
        password = self._folder.password.read_text()
        return f"postgresql://{_USER}:{password}@127.0.0.1:{self._port}/{DATABASE}"

    @property
    def pid(self) -> int | None:
        """The server's, while it runs."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    async def start(self) -> None:
        """Serve; or raise StartRefused, which says what to do. After a crash: the same port."""
        if self.pid is not None:
            return
        await self.stop()
        try:
            await self._serve(binaries_for(self._account) / "bin")
        except PermissionError as error:
            await self.stop()
            raise StartRefused(f"embedded PostgreSQL: {error}") from error
        except BaseException:
            await self.stop()
            raise

    async def wait(self) -> int:
        """Return its exit status once it has ended; without a `stop` before, that was a crash."""
        if self._process is None:
            return 0
        return await ended(self._process) or 0

    async def stop(self) -> None:
        """Shut down in order, cutting connections; safe to call at any time."""
        process, self._process = self._process, None
        for order in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            if process is not None and process.poll() is None:
                process.send_signal(order)
                await ended(process, self._limit_s)
        self._folder.close()

    async def _serve(self, programs: Path) -> None:
        await self._folder.open(min(_PATIENCE_S, self._limit_s))
        if self._folder.pgdata.exists():
            self._refuse_other_version(programs)
            await self._folder.clear_predecessor(self._limit_s)
        else:
            await self._initialise(programs)
        await self._launch(programs)

    def _refuse_other_version(self, programs: Path) -> None:
        """Refuse data that these binaries cannot read, or that has lost its password."""
        ours = _major(programs / "postgres")
        theirs = (self._folder.pgdata / "PG_VERSION").read_text().strip()
        if ours != theirs:
            raise StartRefused(
                f"{self._folder.pgdata} belongs to PostgreSQL {theirs}, the embedded server is"
                f" {ours}: dump it with version {theirs}, or name another data_dir"
            )
        if not self._folder.password.exists():
            raise StartRefused(f"{self._folder.password} is missing: restore it")

    async def _initialise(self, programs: Path) -> None:
        """Make a cluster beside its place and move it there, so that half a one is never met."""
        folder, fresh = self._folder, self._folder.path / "pgdata.new"
        shutil.rmtree(fresh, ignore_errors=True)
        folder.password.touch(0o600)
        folder.password.write_text(secrets.token_urlsafe(24))
        folder.give(folder.password)
        made = folder.run(
            programs / "initdb",
            *(f"--pgdata={folder.seen}/pgdata.new", f"--pwfile={folder.seen}/password"),
            *(f"--username={_USER}", "--auth=scram-sha-256", "--encoding=UTF8"),
            *("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-instructions"),
        )
        try:
            status = await ended(made, self._limit_s)
        finally:
            if made.poll() is None:  # it takes too long, or we are to end
                made.kill()
                made.wait()
        if status != 0:
            raise StartRefused(f"initdb failed in {folder.path}:\n{folder.said()}")
        fresh.rename(folder.pgdata)

    async def _launch(self, programs: Path) -> None:
        deadline, said = time.monotonic() + self._limit_s, ""
        while not await self._launched(programs, deadline):
            said = self._folder.said() or said  # the last one may have had no time to say anything
            if time.monotonic() > deadline or not any(cause in said for cause in _RETRIED):
                raise StartRefused(f"PostgreSQL did not start in {self._folder.path}:\n{said}")
            await sleep(0.05)

    async def _launched(self, programs: Path, deadline: float) -> bool:
        port = self._port or _free_port()
        settings = [f"--{name}={value}" for name, value in self._settings.items()]
        self._process = process = self._folder.run(
            programs / "postgres",
            *("-D", f"{self._folder.seen}/pgdata", f"--port={port}", *settings),
            ends_with_us=True,
        )
        while process.poll() is None and time.monotonic() < deadline:
            if self._folder.is_ready(process.pid):
                self._port = port
                return True
            await sleep(0.005)
        return False


def running_dsn(data_dir: Path) -> str | None:
    """Where the server in *data_dir* listens, whoever runs it; None: it does not run."""
    pgdata = data_dir.absolute() / "pgdata"
    if postmaster_of(pgdata) is None:
        return None
    port = (pgdata / "postmaster.pid").read_text().splitlines()[3]
    password = (pgdata.parent / "password").read_text()
    return f"postgresql://{_USER}:{password}@127.0.0.1:{port}/{DATABASE}"


def _major(postgres: Path) -> str:
    said = subprocess.run([postgres, "--version"], check=True, capture_output=True, text=True)
    return said.stdout.split()[-1].partition(".")[0]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", 0))
        except OSError as error:
            raise StartRefused("no free port on 127.0.0.1") from error
        return int(probe.getsockname()[1])
