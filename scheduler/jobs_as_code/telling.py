"""A plan as people and as scripts read it: pure."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from pydantic_core import to_jsonable_python

from scheduler.api.job_shapes import JobChange
from scheduler.jobs_as_code.planning import Kind, Step

_SIGNS = {
    Kind.CREATE: "+ create",
    Kind.UPDATE: "~ update",
    Kind.DELETE: "- delete",
    Kind.EXTRA: "? extra ",
    Kind.PAST: ". past  ",
}
_WHY = {
    Kind.EXTRA: "  (exists, is not written down: --prune deletes it)",
    Kind.PAST: "  (it was to run once, and its time is over)",
}


def lines_of(step: Step) -> Iterator[str]:
    """What people are told of a step; nothing of a job that stays as it is."""
    if step.kind is Kind.UNCHANGED:
        return
    yield f"{_SIGNS[step.kind]}  {step.key}{_WHY.get(step.kind, '')}"
    for name, (now, wanted) in _said(step).items():
        yield f"            {name}: {_text(now)} → {_text(wanted)}"


def summary(steps: Sequence[Step]) -> str:
    """How many steps of which kind."""
    counted = Counter(step.kind for step in steps)
    kinds = [kind for kind in Kind if counted[kind] or kind is Kind.UNCHANGED]
    return ", ".join(f"{counted[kind]} {kind}" for kind in kinds)


def as_json(steps: Sequence[Step]) -> list[dict[str, Any]]:
    """Each step as `{kind, job, id, differences: {field: [now, wanted]}}`."""
    return [
        {
            "kind": step.kind.value,
            "job": str(step.key),
            "id": step.current.id if step.current else None,
            "differences": to_jsonable_python(_said(step)),
        }
        for step in steps
    ]


def _said(step: Step) -> dict[str, tuple[Any, Any]]:
    """The differences by the names of the API, the status among them."""
    found = {
        JobChange.model_fields[name].alias or name: (_plain(one.now), _plain(one.wanted))
        for name, one in step.differences.items()
    }
    if step.actions and step.current and step.wanted:
        found["status"] = (step.current.status, step.wanted.status)
    return found


def _plain(value: Any) -> Any:
    """Dependencies by their names."""
    return [str(one) for one in value] if isinstance(value, tuple) else value


def _text(value: Any) -> str:
    return json.dumps(to_jsonable_python(value), ensure_ascii=False)
