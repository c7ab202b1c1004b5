"""Takes the steps of a plan, one after the other, through the REST API."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from scheduler.api.job_shapes import JobChange, JobNew, JobTold
from scheduler.jobs_as_code.client import Api, ApiAway, ApiRefused
from scheduler.jobs_as_code.ordering import ordered
from scheduler.jobs_as_code.planning import Kind, Step, key_of
from scheduler.jobs_as_code.spec import Key
from scheduler.jobs_as_code.wanting import wanted_job

_ALIASES = {name: field.alias or name for name, field in JobChange.model_fields.items()}


class Refusal(NamedTuple):
    """A step that was not taken."""

    step: Step
    why: str

    def __str__(self) -> str:
        return f"{self.step.kind} {self.step.key}: {self.why}"


async def apply(
    steps: Sequence[Step], api: Api, *, known: Sequence[JobTold], done: Callable[[Step], None]
) -> list[Refusal]:
    """Take every step that changes something; *done* is told of each, and the others are given.

    One that is refused keeps up only what depends on it, and deletions: what was to come instead
    may be missing. Raises ApiAway; what was done before stays, and need not be done again.
    """
    ids = {key_of(job): job.id for job in known}
    refused: list[Refusal] = []
    for step in ordered(steps):
        if refused and step.kind is Kind.DELETE:
            refused.append(Refusal(step, "left out, as not all of the others could be done"))
            continue
        try:
            await _take(step, api, ids)
        except ApiAway as away:
            raise ApiAway(f"{step.kind} {step.key}: {away}") from None
        except ApiRefused as refusal:
            refused.append(Refusal(step, str(refusal)))
        else:
            done(step)
    return refused


async def _take(step: Step, api: Api, ids: dict[Key, int]) -> None:
    if missing := [str(parent) for parent in step.parents if parent not in ids]:
        raise ApiRefused(f"it depends on {', '.join(missing)}, which could not be made")
    match step.kind:
        case Kind.CREATE:
            ids[step.key] = (await api.create(_new(step, ids))).id
        case Kind.UPDATE:
            await _update(step, api, ids)
        case Kind.DELETE:
            assert step.current is not None
            await api.delete(step.current.id)


async def _update(step: Step, api: Api, ids: dict[Key, int]) -> None:
    assert step.current is not None
    if step.differences:
        await api.update(step.current.id, _changes(step, ids))
    for action in step.actions:
        await api.control(step.current.id, action)


def _new(step: Step, ids: dict[Key, int]) -> dict[str, Any]:
    """The body of `POST /jobs`."""
    assert step.wanted is not None
    said = step.wanted.model_dump(exclude_unset=True, exclude_none=True)
    said |= {"depends_on": [ids[parent] for parent in step.parents]}
    return JobNew.model_validate(_aliased(said)).model_dump(
        mode="json", by_alias=True, exclude_unset=True
    )


def _changes(step: Step, ids: dict[Key, int]) -> dict[str, Any]:
    """The body of `PUT /jobs/{id}`: what differs, and the version that was compared."""
    assert step.wanted is not None
    assert step.current is not None
    wanted = wanted_job(step.wanted, step.current)
    said = {name: getattr(wanted, name) for name in step.differences}
    if "depends_on" in said:
        said["depends_on"] = [ids[parent] for parent in step.parents]
    said["version"] = step.current.version
    return JobChange.model_validate(_aliased(said)).model_dump(
        mode="json", by_alias=True, exclude_unset=True
    )


def _aliased(said: dict[str, Any]) -> dict[str, Any]:
    return {_ALIASES[name]: value for name, value in said.items()}
