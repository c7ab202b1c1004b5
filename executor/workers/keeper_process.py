"""The keeper itself: a process without threads that forks, signals and reaps for the service.

Line by line on a socket: `start N` (with three file descriptors: the pickled job, the message
pipe, the output pipe) and `signal N SIGNUM` come in; `ready`, or why not, `N STATUS` and, for what
could not be started, `N !WORDS` go out.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import pickle
import select
import signal
import socket
import sys
from collections import deque
from typing import TYPE_CHECKING, NoReturn

from executor.errors import StartRefused
from executor.handler_table import HandlerTable, load_handlers
from executor.workers import child

if TYPE_CHECKING:
    from collections.abc import Sequence

_FDS = 3
_SIGNALS_KEPT_OFF = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}
"""Blocked here and opened in the child once it has default handlers, so that none gets lost."""
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


def serve(control_fd: int, modules: Sequence[str]) -> None:
    """Do what the socket says until it ends; then kill all and go."""
    control = socket.socket(fileno=control_fd)
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS_KEPT_OFF)
    _adopt_orphans()
    try:
        table = load_handlers(modules) if modules else HandlerTable([])
    except StartRefused as refusal:
        control.sendall(f"{refusal}\n".encode())
        return
    child.flush_streams()  # what a module has printed is no run's
    gc.collect()
    gc.freeze()  # what is shared with the children stays shared
    control.sendall(b"ready\n")
    _Keeper(control, table).serve()


class _Keeper:
    def __init__(self, control: socket.socket, table: HandlerTable) -> None:
        self._control = control
        self._table = table
        self._pids: dict[int, int] = {}
        self._numbers: dict[int, int] = {}
        self._fds: deque[int] = deque()
        self._unread = b""

    def serve(self) -> None:
        woken, wake = os.pipe()
        os.set_blocking(wake, False)
        os.set_blocking(woken, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wake)
        with contextlib.suppress(ConnectionError, BrokenPipeError):
            while True:
                readable, _, _ = select.select([self._control.fileno(), woken], [], [])
                if woken in readable:
                    os.read(woken, 4096)
                    self._reap()
                if self._control.fileno() in readable and not self._obey():
                    break
        self._kill_all()

    def _obey(self) -> bool:
        """Take what the service says; False when it is gone."""
        data, fds, _, _ = socket.recv_fds(self._control, 65_536, 250)
        self._fds.extend(fds)
        *lines, self._unread = (self._unread + data).split(b"\n")
        for line in lines:
            verb, *numbers = line.split()
            if verb == b"start":
                self._start(int(numbers[0]))
            else:
                self._signal(int(numbers[0]), int(numbers[1]))
        return bool(data)

    def _start(self, number: int) -> None:
        fds = [self._fds.popleft() for _ in range(_FDS)]
        try:
            self._fork(number, *fds)
        except OSError as error:  # no room for another process: those that run go on
            self._tell(number, f"!a process could not be started: {error.strerror or error}")
        for fd in fds:
            os.close(fd)

    def _fork(self, number: int, *fds: int) -> None:
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            self._become(parent, *fds)
        with contextlib.suppress(OSError):
            os.setpgid(pid, pid)  # the child does it too: whoever comes first
        self._pids[number] = pid
        self._numbers[pid] = number

    def _tell(self, number: int, what: str) -> None:
        self._control.sendall(f"{number} {what}\n".encode())

    def _become(self, parent: int, job: int, messages: int, output: int) -> NoReturn:
        status = 1
        try:
            os.setpgid(0, 0)
            _die_with(parent)
            self._control.close()
            signal.set_wakeup_fd(-1)
            _take_over(output)
            with os.fdopen(job, "rb") as told:
                told.seek(0)
                work = pickle.load(told)
            status = child.run(work, messages, self._table)
        except BaseException as error:  # noqa: BLE001 - nothing may get back into the keeper's loop
            print(f"{type(error).__name__}: {error}", file=sys.stderr)  # noqa: T201
        finally:
            os._exit(status)

    def _signal(self, number: int, what: int) -> None:
        if pid := self._pids.get(number):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, what)

    def _reap(self) -> None:
        while found := _ended_child():
            number = self._numbers.pop(found, 0)
            if not number:  # a run has left it behind, or a module has started it for itself
                os.waitpid(found, 0)
                continue
            # Not reaped yet, so the number of the group still is its own.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(found, signal.SIGKILL)
            _, status = os.waitpid(found, 0)
            del self._pids[number]
            self._tell(number, str(status))

    def _kill_all(self) -> None:
        for number, pid in self._pids.items():
            self._signal(number, signal.SIGKILL)
            os.waitpid(pid, 0)


def _ended_child() -> int:
    """The number of a child that has ended and is still to be reaped; 0 when there is none."""
    try:
        found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return 0
    return found.si_pid if found else 0


def _take_over(output: int) -> None:
    """Make *output* stdout and stderr, nothing stdin, and signals what they are by default."""
    for fd in (1, 2):
        os.dup2(output, fd)
    os.close(output)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    for number in (*_SIGNALS_KEPT_OFF, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS_KEPT_OFF)


def _adopt_orphans() -> None:
    """Be the parent of what runs leave behind, where the system can do that (Linux).

    Else it is process 1: in a container the service may be that, which reaps none of them.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)


def _die_with(parent: int) -> None:
    """Be killed when the keeper is, where the system can do that (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)
