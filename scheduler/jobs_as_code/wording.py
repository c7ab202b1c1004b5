"""How a file says a job that is there, and which jobs no file can say: pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import ValidationError

from executor.errors import StartRefused
from executor.plain_words import in_plain_words
from scheduler.api.job_shapes import JobTold
from scheduler.job import Engine
from scheduler.job_store import plain
from scheduler.jobs_as_code.spec import JobSpec, Key
from scheduler.jobs_as_code.wanting import wanted_job

_OF_ADMINS = {"group", "timezone"}
"""An Admin has one of each that is ours."""


def spec_of(job: JobTold, keys: Mapping[int, Key]) -> JobSpec:
    """What a file says of *job*; *keys* are those of all that it may depend on.

    Raises StartRefused, naming the field, for what a service would not take from a file.
    """
    values = {name: getattr(job, name) for name in JobSpec.model_fields}
    values["configs"] = plain(job.configs)
    values["depends_on"] = [_name_of(keys[p], keys) for p in job.depends_on if p in keys]
    skipped = _OF_ADMINS if job.engine is Engine.XXL else set()
    said = {name: value for name, value in values.items() if name not in skipped}
    try:
        spec = JobSpec.model_validate({alias(name): value for name, value in said.items()})
    except ValidationError as error:
        wrong = error.errors(include_input=False, include_url=False, include_context=False)[0]
        where = ".".join(map(str, wrong["loc"]))
        raise StartRefused(
            f"job {job.id} {job.name!r}: {where}: {in_plain_words(wrong['msg'])}"
        ) from None
    if job.engine is Engine.XXL:
        wanted_job(spec, job)  # consoles let people say what we do not
    return spec


def why_unsaid(same: Sequence[JobTold]) -> str:
    """Why no file can say these jobs of an Admin, which have one name; empty: it can."""
    if len(same) > 1:
        return "several jobs of the Admin have this name"
    if same[0].mirrored_at is None:
        return "known only from its runs: this service has no console user at its Admin"
    if not same[0].handler:
        return "a script of the Admin, it has no handler"
    try:
        spec_of(same[0], {})
    except StartRefused as refusal:
        return str(refusal)
    return ""


def alias(name: str) -> str:
    """The name that a field has in a file."""
    return JobSpec.model_fields[name].alias or name


def _name_of(key: Key, keys: Mapping[int, Key]) -> str:
    same = [one for one in keys.values() if one.engine is Engine.LOCAL and one.name == key.name]
    return key.name if len(same) == 1 else f"{key.place}/{key.name}"
