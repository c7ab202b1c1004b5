"""What may be done to a job in which status: a table, and nothing else."""

from __future__ import annotations

from enum import StrEnum

from scheduler.job import JobStatus
from scheduler.refusal import Conflict


class Action(StrEnum):
    """What people do to a job's schedule."""

    START = "start"
    STOP = "stop"
    PAUSE = "pause"
    RESUME = "resume"
    EXECUTE = "execute"
    """Run it once, now; its schedule goes on as it was."""


_NEXT = {
    JobStatus.STOPPED: {Action.START: JobStatus.RUNNING, Action.EXECUTE: JobStatus.STOPPED},
    JobStatus.RUNNING: {
        Action.STOP: JobStatus.STOPPED,
        Action.PAUSE: JobStatus.PAUSED,
        Action.EXECUTE: JobStatus.RUNNING,
    },
    JobStatus.PAUSED: {
        Action.RESUME: JobStatus.RUNNING,
        Action.STOP: JobStatus.STOPPED,
        Action.EXECUTE: JobStatus.PAUSED,
    },
}


def after(action: Action, status: JobStatus) -> JobStatus:
    """The status that *action* leads to from *status*. Raise Conflict, naming what is allowed."""
    try:
        return _NEXT[status][action]
    except KeyError:
        allowed = ", ".join(allowed_in(status))
        raise Conflict(f"a {status} job cannot {action}; allowed are: {allowed}") from None


def allowed_in(status: JobStatus) -> tuple[Action, ...]:
    """What may be done to a job in *status*."""
    return tuple(_NEXT[status])
