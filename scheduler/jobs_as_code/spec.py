"""The jobs that a file or the decorators of handlers ask for, each checked on its own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from executor.errors import StartRefused
from executor.handler import Handler
from executor.plain_words import in_plain_words
from scheduler.api.job_shapes import JobNew
from scheduler.api.shapes import Name
from scheduler.job import Engine, JobStatus

_MOST_SAID = 5


class Key(NamedTuple):
    """What a job is known by: its id is another in each service."""

    engine: Engine
    place: str
    """The group of a local job, the Admin cluster of another: there we have but one group."""
    name: str

    def __str__(self) -> str:
        return f"{self.engine}/{self.place}/{self.name}"


class JobSpec(JobNew):
    """A job as it is to be; what is left out is to have its default."""

    depends_on: Annotated[tuple[Name, ...], Field(max_length=100)] = ()  # type: ignore[assignment]
    """Names of local jobs, or `group/name` where a name is in several groups."""
    status: JobStatus | None = None  # type: ignore[assignment]
    """None: stopped when it is made, and afterwards as people have it."""

    @model_validator(mode="after")
    def _placed(self) -> JobSpec:
        if (self.engine is Engine.XXL) != (self.cluster is not None):
            raise ValueError("cluster: is needed by engine xxl, and by no other")
        return self

    @property
    def key(self) -> Key:
        return Key(self.engine, self.cluster or self.group, self.name)


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    jobs: list[JobSpec]


def read_specs(path: Path) -> list[JobSpec]:
    """The jobs of a YAML file. Raise StartRefused, naming each wrong field."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise StartRefused(f"{path} cannot be read: {error.strerror}") from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise StartRefused(f"{path} is not YAML: line {line}: {error.problem}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise StartRefused(f"{path} is not YAML: {str(error).splitlines()[0]}") from None
    try:
        return _File.model_validate(content).jobs
    except ValidationError as error:
        raise StartRefused(f"{path}: {_said(error, content)}") from None


def specs_of(handlers: Iterable[Handler], *, cluster: str | None) -> list[JobSpec]:
    """The jobs that *handlers* suggest: local ones, or those of the Admin *cluster*.

    Raises StartRefused.
    """
    return [_suggested(handler, cluster) for handler in handlers if handler.schedule]


def combined(above: Sequence[JobSpec], below: Sequence[JobSpec]) -> list[JobSpec]:
    """Both; of the same job the one from *above*. Raise StartRefused where one says it twice."""
    for specs in (above, below):
        keys = [spec.key for spec in specs]
        if twice := next((key for key in keys if keys.count(key) > 1), None):
            raise StartRefused(f"{twice} is there twice: two jobs of one place have two names")
    return list(({spec.key: spec for spec in below} | {spec.key: spec for spec in above}).values())


def _suggested(handler: Handler, cluster: str | None) -> JobSpec:
    schedule = handler.schedule
    assert schedule is not None
    rule = (
        {"scheduleType": "cron", "cronExpression": schedule.cron}
        if schedule.cron
        else {"scheduleType": "interval", "intervalSeconds": schedule.every_seconds}
    )
    place = {"engine": "xxl", "cluster": cluster} if cluster else {}
    said = {
        "jobName": schedule.job_name or handler.name,
        "handlerName": handler.name,
        "params": schedule.params,
        "timezone": schedule.timezone or None,
        "description": handler.doc.partition("\n")[0],
    }
    try:
        return JobSpec.model_validate(said | rule | place)
    except ValidationError as error:
        raise StartRefused(
            f"the schedule of handler {handler.name}: {_said(error, said)}"
        ) from None


def _said(error: ValidationError, content: Any) -> str:
    """Which fields of which jobs are wrong, and why."""
    found = error.errors(include_input=False, include_url=False, include_context=False)
    lines = [
        f"{_place(one['loc'], content)}{in_plain_words(one['msg'])}" for one in found[:_MOST_SAID]
    ]
    return "; ".join(lines)


def _place(loc: tuple[int | str, ...], content: Any) -> str:
    """Where that is, by the name of the job if it has one."""
    parts = [str(part) for part in loc]
    match loc:
        case ("jobs", int(number), *rest):
            job = content["jobs"][number]
            name = job.get("jobName") if isinstance(job, dict) else None
            parts = [f"job {name!r}" if name else f"job {number + 1}", *map(str, rest)]
    return "".join(f"{part}: " for part in parts)
