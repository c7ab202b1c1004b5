"""In which order the steps of a plan can be taken: pure."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import TypeVar

from executor.errors import StartRefused
from scheduler.jobs_as_code.planning import CHANGES, Kind, Step

Node = TypeVar("Node", bound=Hashable)


def ordered(steps: Sequence[Step]) -> list[Step]:
    """The changes of *steps*: jobs after those they depend on, then deletions before those.

    Raises StartRefused, naming the circle where there is one.
    """
    kept = {step.key: step for step in steps if step.wanted is not None}
    graph = {key: [p for p in step.parents if p in kept] for key, step in kept.items()}
    making = [kept[key] for key in _sorted(graph)]
    gone = {step.current.id: step for step in steps if step.kind is Kind.DELETE and step.current}
    needed = {number: _parents(step, gone) for number, step in gone.items()}
    deleting = [gone[number] for number in reversed(_sorted(needed))]
    return [step for step in (*making, *deleting) if step.kind in CHANGES]


def _parents(step: Step, gone: dict[int, Step]) -> list[int]:
    assert step.current is not None
    return [parent for parent in step.current.depends_on if parent in gone]


def _sorted(graph: Mapping[Node, Sequence[Node]]) -> list[Node]:
    try:
        return list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        raise StartRefused(f"dependsOn: a circle: {' → '.join(map(str, error.args[1]))}") from None
