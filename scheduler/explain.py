"""Why a job did or did not run: the reasons, from what the tables say; pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from scheduler.engine.rules import is_delayed
from scheduler.job import Engine, Job, JobStatus, ScheduleType
from scheduler.job_rule import zone_of

if TYPE_CHECKING:
    from scheduler.run_list import Run

_LATE = timedelta(seconds=10)
"""A due time this long ago should have been claimed by an engine."""


class Reason(NamedTuple):
    """One of the things that explain it."""

    code: str
    """For programs: `stopped`, `waits`, `no_engine`, …"""
    message: str
    """For people, with times in the job's zone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fire:
    """A row of `schedule_fire`: a run that is planned or under way."""

    id: int
    state: str
    """waiting, planned, fired."""
    fire_time: datetime
    trigger_type: str
    attempt: int
    lease_until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of a job and of who could run it."""

    job: Job
    note: str
    """Why the engine has put it aside; empty: it has not."""
    fires: Sequence[Fire]
    awaited: Sequence[int]
    """Jobs it depends on that have not succeeded since its last fire."""
    engines: int
    """Services that are alive and share the database."""
    has_handler: bool
    """Whether the executor that is asked could run it; True where there is none to ask."""
    last_run: Run | None
    now: datetime


def reasons_of(facts: Facts) -> list[Reason]:
    """What explains it, the most important first."""
    return [
        *_of_handler(facts),
        *_of_status(facts),
        *_of_time(facts),
        *_of_fires(facts),
        *_of_last_run(facts),
    ]


def _of_handler(facts: Facts) -> Iterator[Reason]:
    job = facts.job
    if job.engine is Engine.LOCAL and not facts.has_handler:
        yield Reason("no_handler", f"no handler [{job.handler}] is registered here: it would fail")


def _of_status(facts: Facts) -> Iterator[Reason]:
    job = facts.job
    if job.engine is Engine.XXL:
        yield Reason("foreign", "an XXL-JOB Admin schedules it: look there for its next runs")
    elif job.status is not JobStatus.RUNNING:
        yield Reason(job.status.value, f"it is {job.status}: it runs only when it is executed")
    elif facts.note:
        yield Reason("put_aside", f"the engine cannot plan it: {facts.note}")
    elif job.schedule_type is ScheduleType.NONE:
        yield Reason("no_rule", "it has no rule: it runs when it is executed, or after other jobs")
    elif job.next_run_time is None and is_delayed(job):
        run = "under way" if _has_begun(facts) else "to come"
        when = f"{job.interval_seconds} s after the run that is {run} has ended"
        yield Reason("after_run", f"it is due again {when}")
    elif job.next_run_time is None and not _is_only_run(facts):
        days = f" on the working days of {job.calendar_name}" if job.calendar_name else ""
        yield Reason("no_future", f"its rule gives no time in the future{days}")


def _is_only_run(facts: Facts) -> bool:
    """Whether the time of a job that runs once has come, and its run is not over."""
    asked_for = (fire.trigger_type for fire in facts.fires)
    return facts.job.schedule_type is ScheduleType.ONCE and any(one != "api" for one in asked_for)


def _has_begun(facts: Facts) -> bool:
    return any(fire.state == "fired" for fire in facts.fires)


def _of_time(facts: Facts) -> Iterator[Reason]:
    due = facts.job.next_run_time
    if due is None or facts.job.engine is Engine.XXL:
        return
    if due > facts.now - _LATE:
        yield Reason("due", f"it is due next at {_shown(facts, due)}")
    elif not facts.engines:
        yield Reason("no_engine", f"it is due since {_shown(facts, due)}, and no engine is alive")
    else:
        yield Reason("late", f"it is due since {_shown(facts, due)}: the engines are behind")


def _of_fires(facts: Facts) -> Iterator[Reason]:
    for fire in facts.fires:
        when = _shown(facts, fire.fire_time)
        match fire.state:
            case "waiting":
                ids = ", ".join(map(str, facts.awaited)) or "none any more"
                until = f" until {_shown(facts, fire.lease_until)}" if fire.lease_until else ""
                yield Reason("waits", f"its run of {when} waits{until} for jobs: {ids}")
            case "planned":
                yield Reason("planned", f"run {fire.id}, attempt {fire.attempt}, comes at {when}")
            case _:
                yield Reason("under_way", f"run {fire.id} is under way since {when}")


def _of_last_run(facts: Facts) -> Iterator[Reason]:
    run = facts.last_run
    if run is None:
        yield Reason("never_ran", "it has never run")
        return
    when = _shown(facts, run.trigger_time)
    what = f"run {run.id}, asked for by {run.trigger_type} at {when}: {run.status}"
    yield Reason("last_run", f"{what}. {run.result_message}".strip())


def _shown(facts: Facts, moment: datetime) -> str:
    return f"{moment.astimezone(zone_of(facts.job.timezone)):%Y-%m-%d %H:%M:%S %Z}"
