"""What a scenario is, and what it gives."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field

from bench.ledger import Verdict
from bench.target import Target

Cell = str | float


@dataclass(frozen=True, slots=True)
class Row:
    """One target's measured values by column title, units in the title."""

    cells: dict[str, Cell]
    faults: int = field(default=0, kw_only=True)
    """Runs lost, contradicted or invented: what makes the bench fail when they are ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    name: str
    title: str
    bar: str
    """What our own figures are asked to be."""
    measure: Callable[[Target, bool], Coroutine[None, None, Row]]
    """Measures one target; the flag asks for the quick form."""
    takes: Callable[[Target], bool] = lambda _: True
    """Whether the target has what is measured."""


def fate(verdict: Verdict) -> dict[str, Cell]:
    """The columns that say what became of the runs."""
    return {
        "accepted": verdict.accepted,
        "lost": verdict.lost,
        "doubled": verdict.doubled,
        "contradictory": verdict.contradictory,
        "out of order": verdict.unordered,
    }
