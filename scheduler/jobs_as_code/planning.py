"""What has to be done for a service to have the jobs that were asked for: pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from executor.errors import StartRefused
from scheduler.api.job_shapes import JobTold
from scheduler.job import Engine, Job, JobStatus, ScheduleType
from scheduler.job_control import Action
from scheduler.job_store import plain
from scheduler.jobs_as_code.spec import JobSpec, Key
from scheduler.jobs_as_code.wanting import wanted_job
from scheduler.jobs_as_code.wording import why_unsaid

_COMPARED = (
    *("description", "handler", "params", "schedule_type", "cron_expression", "interval_seconds"),
    *("interval_mode", "run_at", "timezone", "misfire_policy", "block_strategy", "timeout_seconds"),
    *("retry_strategy", "retry_count", "retry_interval_seconds", "retry_max_interval_seconds"),
    *("depends_on", "configs", "calendar_name", "holiday_policy"),
)
_STOPPED, _RUNNING, _PAUSED = JobStatus.STOPPED, JobStatus.RUNNING, JobStatus.PAUSED
_ACTIONS: Mapping[tuple[JobStatus, JobStatus], tuple[Action, ...]] = {
    (_STOPPED, _RUNNING): (Action.START,),
    (_STOPPED, _PAUSED): (Action.START, Action.PAUSE),
    (_RUNNING, _STOPPED): (Action.STOP,),
    (_RUNNING, _PAUSED): (Action.PAUSE,),
    (_PAUSED, _RUNNING): (Action.RESUME,),
    (_PAUSED, _STOPPED): (Action.STOP,),
}


class Kind(StrEnum):
    """What becomes of a job."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    UNCHANGED = "unchanged"
    EXTRA = "extra"
    """It is there, in a place that is written down, and itself is not: drift."""
    PAST = "past"
    """It was to run once, and its time is over: nothing is made of it, and nothing waits for it."""


CHANGES = (Kind.CREATE, Kind.UPDATE, Kind.DELETE)


class Difference(NamedTuple):
    """A field as it is, and as it was asked for."""

    now: Any
    wanted: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What becomes of one job."""

    kind: Kind
    key: Key
    wanted: JobSpec | None = None
    current: JobTold | None = None
    differences: Mapping[str, Difference] = field(default_factory=dict)
    """By the names of `Job`; of a dependency the keys."""
    actions: tuple[Action, ...] = ()
    """That lead to its status."""
    parents: tuple[Key, ...] = ()


def plan(
    specs: Sequence[JobSpec], known: Sequence[JobTold], *, now: datetime, prune: bool = False
) -> list[Step]:
    """The steps from the jobs that are *known* to *specs*, in the order of their keys.

    *prune*: what is extra is deleted; what no file can say of an Admin is nobody's business.
    Raises StartRefused where a name says too little.
    """
    there = by_key(known)
    keys = {job.id: key_of(job) for job in known}
    names = _Names([*(spec.key for spec in specs), *there])
    past = {spec.key for spec in specs if spec.key not in there and _is_past(spec, now)}
    steps = [_step(spec, _only(there, spec.key), names, keys=keys, past=past) for spec in specs]
    wanted = {spec.key for spec in specs}
    places = {key[:2] for key in wanted}
    gone = Kind.DELETE if prune else Kind.EXTRA
    steps += [
        Step(kind=gone, key=key, current=job)
        for key, jobs in there.items()
        if key not in wanted and key[:2] in places
        for job in jobs
        if key.engine is Engine.LOCAL or not why_unsaid(jobs)
    ]
    return sorted(steps, key=lambda step: (step.key, step.current.id if step.current else 0))


def key_of(job: JobTold) -> Key:
    """The key of a job that is there."""
    return Key(job.engine, job.cluster or job.group, job.name)


def by_key(known: Iterable[JobTold]) -> dict[Key, list[JobTold]]:
    found: dict[Key, list[JobTold]] = {}
    for job in known:
        found.setdefault(key_of(job), []).append(job)
    return found


def _only(there: Mapping[Key, Sequence[JobTold]], key: Key) -> JobTold | None:
    found = there.get(key, ())
    if len(found) > 1:
        ids = ", ".join(str(job.id) for job in found)
        raise StartRefused(f"several jobs are {key}: ids {ids}; give them names of their own")
    if found and not found[0].handler:
        raise StartRefused(f"{key} is a script of its Admin: give the job of the file another name")
    return found[0] if found else None


def _is_past(spec: JobSpec, now: datetime) -> bool:
    run_at = wanted_job(spec, None).run_at
    return spec.schedule_type is ScheduleType.ONCE and run_at is not None and run_at <= now


def _step(
    spec: JobSpec,
    current: JobTold | None,
    names: _Names,
    *,
    keys: Mapping[int, Key],
    past: Collection[Key],
) -> Step:
    named = sorted(names.find(name, spec.key) for name in spec.depends_on)
    parents = tuple(key for key in named if key not in past)
    wanted = wanted_job(spec, current)
    if current is None:
        kind = Kind.PAST if spec.key in past else Kind.CREATE
        return Step(kind=kind, key=spec.key, wanted=spec, parents=parents)
    differences = _differences(wanted, current, keys=keys, parents=parents)
    actions = _ACTIONS.get((current.status, spec.status or current.status), ())
    return Step(
        kind=Kind.UPDATE if differences or actions else Kind.UNCHANGED,
        key=spec.key,
        wanted=spec,
        current=current,
        differences=differences,
        actions=actions,
        parents=parents,
    )


def _differences(
    wanted: Job,
    current: JobTold,
    *,
    keys: Mapping[int, Key],
    parents: tuple[Key, ...],
) -> dict[str, Difference]:
    found = {}
    for name in _COMPARED:
        now, asked = getattr(current, name), getattr(wanted, name)
        if name == "depends_on":
            known = (keys.get(parent) for parent in current.depends_on)
            now, asked = tuple(sorted(key for key in known if key is not None)), parents
        elif name == "configs":
            now = plain(now)
        if now != asked:
            found[name] = Difference(now, asked)
    return found


class _Names:
    """Finds the local job that a dependency means."""

    def __init__(self, keys: Iterable[Key]) -> None:
        self._found: dict[str, set[Key]] = {}
        for key in keys:
            if key.engine is Engine.LOCAL:
                for name in (key.name, f"{key.place}/{key.name}"):
                    self._found.setdefault(name, set()).add(key)

    def find(self, name: str, child: Key) -> Key:
        """The key of *name*. Raise StartRefused unless it is just one."""
        keys = self._found.get(name, set())
        if len(keys) == 1:
            return next(iter(keys))
        why = f"write group/name, it is in {len(keys)} groups" if keys else "there is no such job"
        raise StartRefused(f"{child}: dependsOn: {name!r}: {why}")
