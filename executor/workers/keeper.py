"""The service's side of the keeper: a helper process that starts, signals and reaps others.

The keeper (`executor.workers.keeper_process`) is one quiet interpreter with the handler modules
loaded. It forks for each run, so a run costs milliseconds, its threads cannot be caught in a fork,
and it stays the parent: it signals only processes it has not reaped, and when the service
vanishes, by `kill -9` too, it sees the end of their socket and kills all that runs.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import pickle
import socket
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING, Any, Protocol

from executor import forks
from executor.errors import StartRefused
from executor.workers.loop_thread import LoopThread
from executor.workers.pipes import Pipes

if TYPE_CHECKING:
    import signal
    from collections.abc import Callable, Sequence

_BOOT = """
import json, sys
sys.path[:] = json.loads(sys.argv[1])
from executor.workers.keeper_process import serve
serve(int(sys.argv[2]), json.loads(sys.argv[3]))
"""
_READ = 65_536


class Kept(Protocol):
    """A run in a process of its own; its methods are called on the keeper's thread."""

    def job(self) -> object:
        """What the process is told, pickled; errors end the run as `failed`. No code of a handler."""
        ...

    def failed(self, error: BaseException) -> None:
        """The process could not be started."""
        ...

    def output(self, lines: str) -> None:
        """Whole lines came through its stdout or stderr, without the last newline."""
        ...

    def message(self, line: str) -> None:
        """A line came through its message pipe."""
        ...

    def exited(self, status: int | None) -> None:
        """It is gone, with its whole group; *status* is wait's, None when nobody knows."""
        ...


class Keeper:
    """Starts processes through the helper process, which is started again when it died."""

    def __init__(self, name: str, *, modules: Sequence[str] = ()) -> None:
        self._modules = list(modules)
        self._thread = LoopThread(name)
        self._control: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._unread = b""
        self._numbers = 0
        self._runs: dict[int, Pipes] = {}
        self._opened = False

    def open(self) -> None:
        """Start the thread; the process is started by `prepare` or by the first run."""
        self._opened = True
        self._thread.open()

    async def prepare(self) -> None:
        """Start the process; raises StartRefused when the modules do not load."""
        await asyncio.to_thread(self._start)
        self._thread.call(self._listen)

    async def close(self) -> None:
        """Kill what still runs, and end."""
        if self._opened:
            self._thread.call(self._lost)
            await self._thread.close()

    def call(self, function: Callable[..., object], *args: Any) -> None:
        """Have *function* called on the keeper's thread, after what was asked for before."""
        self._thread.call(function, *args)

    def later(self, delay_s: float, function: Callable[..., object], *args: Any) -> None:
        """Have it called after *delay_s* seconds; only on the keeper's thread."""
        self._thread.loop.call_later(delay_s, function, *args)

    def launch(self, run: Kept) -> int:
        """Start *run*, on the keeper's thread; gives its number, 0 when it could not start."""
        try:
            if self._control is None:
                self._start()
                self._listen()
            return self._launch(run, run.job())
        except Exception as error:  # noqa: BLE001 - whatever it is, the run ends by it
            run.failed(error)
            return 0

    def signal(self, number: int, what: signal.Signals) -> None:
        """Send *what* to the run's whole group, if it still lives."""
        if number in self._runs:
            self._send(f"signal {number} {int(what)}\n".encode())

    def _start(self) -> None:
        ours, theirs = socket.socketpair()
        forks.keep([ours.fileno(), theirs.fileno()])  # each side is to see the other's end
        try:
            self._process = self._spawn(theirs.fileno())
        except OSError:
            _hang_up(ours)
            raise
        finally:
            _hang_up(theirs)
        greeting = ours.makefile("rb").readline().decode()
        if greeting != "ready\n":
            _hang_up(ours)
            self._process.wait()
            raise StartRefused(greeting.strip() or "the process for handlers did not start")
        ours.setblocking(False)
        self._control = ours

    def _spawn(self, control: int) -> subprocess.Popen[bytes]:
        told = [json.dumps(sys.path), str(control), json.dumps(self._modules)]
        return subprocess.Popen(
            [sys.executable, "-c", _BOOT, *told],
            pass_fds=[control],
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )

    def _listen(self) -> None:
        assert self._control is not None
        self._thread.loop.add_reader(self._control.fileno(), self._heard)

    def _launch(self, run: Kept, job: object) -> int:
        self._numbers += 1
        with contextlib.ExitStack() as reading, contextlib.ExitStack() as writing:
            messages, messages_end = _pipe(reading, writing)
            output, output_end = _pipe(reading, writing)
            pipes = Pipes(run, messages, output)
            told = writing.enter_context(tempfile.TemporaryFile())
            pickle.dump(job, told)
            told.flush()
            fds = [told.fileno(), messages_end, output_end]
            self._send(f"start {self._numbers}\n".encode(), fds)
            reading.pop_all()
        self._runs[self._numbers] = pipes
        pipes.listen(self._thread.loop)
        return self._numbers

    def _send(self, line: bytes, fds: Sequence[int] = ()) -> None:
        if self._control is None:
            return
        self._control.setblocking(True)
        try:
            socket.send_fds(self._control, [line], fds)
        finally:
            self._control.setblocking(False)

    def _heard(self) -> None:
        try:
            data = self._control.recv(_READ) if self._control else b""
        except BlockingIOError:
            return
        except ConnectionError:
            data = b""
        if not data:
            self._lost()
        *lines, self._unread = (self._unread + data).split(b"\n")
        for line in lines:
            number, _, said = line.decode().partition(" ")
            run = self._gone(int(number))
            if said.startswith("!"):
                run.failed(OSError(said[1:]))
            else:
                run.exited(int(said))

    def _gone(self, number: int) -> Kept:
        pipes = self._runs.pop(number)
        pipes.drain(self._thread.loop)
        return pipes.run

    def _lost(self) -> None:
        """End the connection: the keeper died, or shall; it takes its processes with it."""
        if self._control:
            self._thread.loop.remove_reader(self._control.fileno())
            _hang_up(self._control)
            self._control = None
        if self._process:
            self._process.wait()
            self._process = None
        self._unread = b""
        for number in list(self._runs):
            self._gone(number).exited(None)


def _hang_up(end: socket.socket) -> None:
    forks.leave([end.fileno()])
    end.close()


def _pipe(reading: contextlib.ExitStack, writing: contextlib.ExitStack) -> tuple[int, int]:
    """A new pipe, whose ends are closed with *reading* and *writing*."""
    ends = os.pipe()
    for stack, end in zip((reading, writing), ends, strict=True):
        stack.callback(os.close, end)
    return ends
