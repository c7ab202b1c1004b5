"""Writes the jobs that exist as the file that would make them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from executor.errors import StartRefused
from scheduler.api.job_shapes import JobTold
from scheduler.job import Engine
from scheduler.job_store import plain
from scheduler.jobs_as_code.planning import by_key, key_of
from scheduler.jobs_as_code.spec import JobSpec, Key

_HEAD = "# Jobs as code: see docs/jobs-as-code.md. What is left out has its default.\n"
_FIRST = ("name", "engine", "cluster", "group", "description", "handler", "params")
_OF_ADMINS = {"group", "timezone"}
"""An Admin has one of each that is ours."""


def exported(jobs: Sequence[JobTold], known: Sequence[JobTold]) -> str:
    """The file of *jobs*, in the order of their keys; *known* are all that they may depend on.

    Scripts of an Admin, which have no handler, are left out. Raises StartRefused for names that
    are there twice.
    """
    found = by_key(job for job in jobs if job.handler)
    if twice := next((key for key, same in found.items() if len(same) > 1), None):
        raise StartRefused(f"several jobs are {twice}: give them names of their own")
    keys = {job.id: key_of(job) for job in known}
    written = [_said(same[0], keys) for _, same in sorted(found.items())]
    return _HEAD + yaml.dump(
        {"jobs": written}, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=100
    )


class _Dumper(yaml.SafeDumper):
    """Quotes what PyYAML would write plain and read back otherwise."""


def _represented(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = '"' if "\x85" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _represented)


def _said(job: JobTold, keys: Mapping[int, Key]) -> dict[str, Any]:
    """What a file says of *job*: all that is not the default, its handler and its status."""
    others = [name for name in JobSpec.model_fields if name not in _FIRST]
    values = {name: getattr(job, name) for name in (*_FIRST, *others)}
    values["configs"] = plain(job.configs)
    values["depends_on"] = [_name_of(keys[p], keys) for p in job.depends_on if p in keys]
    skipped = _OF_ADMINS if job.engine is Engine.XXL else set()
    said = {name: value for name, value in values.items() if name not in skipped}
    spec = JobSpec.model_validate({_alias(name): value for name, value in said.items()})
    kept = spec.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return {alias: kept[alias] for alias in map(_alias, values) if alias in kept}


def _name_of(key: Key, keys: Mapping[int, Key]) -> str:
    same = [one for one in keys.values() if one.engine is Engine.LOCAL and one.name == key.name]
    return key.name if len(same) == 1 else f"{key.place}/{key.name}"


def _alias(name: str) -> str:
    return JobSpec.model_fields[name].alias or name
