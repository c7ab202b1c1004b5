"""Writes the jobs that exist as the file that would make them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from executor.errors import StartRefused
from scheduler.api.job_shapes import JobTold
from scheduler.job import Engine
from scheduler.jobs_as_code.planning import by_key, key_of
from scheduler.jobs_as_code.spec import JobSpec, Key
from scheduler.jobs_as_code.wording import alias, spec_of, why_unsaid

_HEAD = "# Jobs as code: see docs/jobs-as-code.md. What is left out has its default.\n"
_FIRST = ("name", "engine", "cluster", "group", "description", "handler", "params")
_ORDER = (*_FIRST, *(name for name in JobSpec.model_fields if name not in _FIRST))


def exported(jobs: Sequence[JobTold], known: Sequence[JobTold]) -> str:
    """The file of *jobs*, in the order of their keys; *known* are all that they may depend on.

    Jobs of an Admin that no file can say are named in comments, with the reason. Raises
    StartRefused for names of local jobs that are there twice.
    """
    found = by_key(jobs)
    unsaid = {key: why for key, same in found.items() if (why := _why_unsaid(key, same))}
    keys = {job.id: key_of(job) for job in known}
    written = [_said(found[key][0], keys) for key in sorted(found.keys() - unsaid.keys())]
    comments = [_comment(key, found[key], unsaid[key]) for key in sorted(unsaid)]
    return "".join((_HEAD, *comments)) + yaml.dump(
        {"jobs": written}, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=100
    )


class _Dumper(yaml.SafeDumper):
    """Quotes what PyYAML would write plain and read back otherwise."""


def _represented(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = '"' if "\x85" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _represented)


def _why_unsaid(key: Key, same: Sequence[JobTold]) -> str:
    if key.engine is Engine.XXL:
        return why_unsaid(same)
    if len(same) > 1:
        raise StartRefused(f"several jobs are {key}: give them names of their own")
    return ""


def _comment(key: Key, same: Sequence[JobTold], why: str) -> str:
    """Names what is left out; no character of a name may end the line."""
    ids = ", ".join(str(job.id) for job in same)
    said = f"left out: {key} (ids: {ids}): {why}"
    return f"# {''.join(c if c.isprintable() else ' ' for c in said)}\n"


def _said(job: JobTold, keys: Mapping[int, Key]) -> dict[str, Any]:
    """What a file says of *job*: all that is not the default, its handler and its status."""
    kept = spec_of(job, keys).model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return {alias(name): kept[alias(name)] for name in _ORDER if alias(name) in kept}
