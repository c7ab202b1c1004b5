"""What a process that a handler forks off must not keep of the service's.

It may outlive the service, as a pool of `multiprocessing` does after `kill -9`: a port or a lock
that it held would keep the service from starting again.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress

_kept: set[int] = set()


def keep(descriptors: Iterable[int]) -> None:
    """Close these files in every process that is forked off from now on."""
    _kept.update(descriptors)


def leave(descriptors: Iterable[int]) -> None:
    """They are about to be closed here: their numbers may become others'."""
    _kept.difference_update(descriptors)


def _close() -> None:
    for descriptor in _kept:
        with suppress(OSError):
            os.close(descriptor)
    _kept.clear()


os.register_at_fork(after_in_child=_close)
