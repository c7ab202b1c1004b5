"""What a process that a handler forks off must not keep of the service's.

It may outlive the service, as a pool of `multiprocessing` does after `kill -9`: a port or a lock
that it held would keep the service from starting again.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterable
from contextlib import suppress

_kept: list[int] = []
"""A number may be there twice: of a file that is closed, and of the one that has it now."""
_signals: set[signal.Signals] = set()
_forking = threading.local()


def keep(descriptors: Iterable[int]) -> None:
    """Close these files in every process that is forked off from now on."""
    _kept.extend(descriptors)


def leave(descriptors: Iterable[int]) -> None:
    """They are about to be closed here, or just were: their numbers may become others'."""
    for descriptor in descriptors:
        _kept.remove(descriptor)


def keep_signals(numbers: Iterable[signal.Signals]) -> None:
    """Have these signals do in such a process what they do by default.

    Its copy of our handlers tells our loop, by a socket that both have: `terminate` of a pool of
    `multiprocessing` would stop the service, and not the pool.
    """
    _signals.update(numbers)


def _hold_signals() -> None:
    """Until the new process has let go: it may be terminated before it has done anything."""
    _forking.mask = signal.pthread_sigmask(signal.SIG_BLOCK, _signals)


def _release_signals() -> None:
    signal.pthread_sigmask(signal.SIG_SETMASK, _forking.mask)


def _let_go() -> None:
    for descriptor in _kept:
        with suppress(OSError):
            os.close(descriptor)
    _kept.clear()
    if _signals:
        signal.set_wakeup_fd(-1)
        for number in _signals:
            signal.signal(number, signal.SIG_DFL)
    _release_signals()


os.register_at_fork(before=_hold_signals, after_in_parent=_release_signals, after_in_child=_let_go)
