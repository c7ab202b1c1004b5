"""What may be done to which job: pure, and for its status a table."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from scheduler.engine.rules import is_delayed
from scheduler.job import Engine, Job, JobStatus, ScheduleType
from scheduler.refusal import Conflict, Invalid


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


def refuse_foreign(job: Job) -> None:
    """Raise Conflict for a job that an Admin schedules: it is changed there first."""
    if job.engine is Engine.XXL:
        raise Conflict(f"job {job.job_no or job.name} belongs to an XXL-JOB Admin: one at a time")


def refuse_fixed(job: Job, changes: Mapping[str, Any]) -> None:
    """Raise Invalid for what an update may name, as it was read, but not change."""
    for name in ("id", "job_no", "engine", "cluster", "admin_job_id", "status"):
        if changes.get(name, was := getattr(job, name)) != was:
            raise Invalid(name, f"is {was}, and no update changes it")


def refuse_without_future(job: Job) -> None:
    """Raise Conflict for a job that is to be started and would never be due."""
    if job.schedule_type is ScheduleType.NONE or job.next_run_time is not None or is_delayed(job):
        return
    if job.schedule_type is ScheduleType.ONCE:
        skipped = ", or is skipped by its calendar" if job.calendar_name else ""
        raise Conflict(f"the time at which it was to run has passed{skipped}: change runAt first")
    raise Conflict("its rule gives no time in the future: change the rule first")
