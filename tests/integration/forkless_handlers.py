"""A handler whose keeper can be told that the system has no room for another process."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from executor import JobContext, job_handler

FULL = "TEST_FORKLESS"
"""The variable that names the file; while it is there, no fork succeeds."""

_fork = os.fork


def _fork_if_there_is_room() -> int:
    if Path(os.environ.get(FULL, "/nowhere")).exists():
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
    return _fork()


os.fork = _fork_if_there_is_room  # a limit of processes does not bind root, as tests may run


@job_handler("wait-for-file", isolation="process")
def wait_for_file(_: JobContext, params: str) -> str:
    """Read the pipe *params* to its end."""
    return Path(params).read_text()
