"""What a scenario is, and what it gives."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field

from bench.ledger import Verdict
from bench.target import Target

Cell = str | float


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured value beside what is asked of it."""

    what: str
    value: float
    unit: str
    bar: float
    at_least: bool = field(default=False, kw_only=True)
    """The bar is the least that is asked; otherwise the most."""

    @property
    def is_met(self) -> bool:
        return self.value >= self.bar if self.at_least else self.value <= self.bar

    def __str__(self) -> str:
        asked = f"{'≥' if self.at_least else '≤'} {self.bar:,g}"
        said = "met" if self.is_met else "MISSED"
        return f"{self.what}: {text_of(self.value)} {self.unit} (asked {asked}): {said}"


@dataclass(frozen=True, slots=True)
class Row:
    """One target's measured values by column title, units in the title."""

    cells: dict[str, Cell]
    figures: tuple[Figure, ...] = ()
    """Those of them that have a bar."""
    faults: int = field(default=0, kw_only=True)
    """Runs lost, contradicted or invented: what makes the bench fail when they are ours."""


FAILURES = (RuntimeError, OSError, TimeoutError)
"""Of a target that does not start, or takes no trigger: a row too, and our own a fault."""
Measure = Callable[[Target, bool], Coroutine[None, None, Row]]
MeasureInTurns = Callable[[list[Target], bool], Coroutine[None, None, dict[str, Row]]]
"""The flag asks for the quick form."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    name: str
    title: str
    bar: str
    """What our own figures are asked to be."""
    measure: Measure | None = None
    """Measures one target."""
    in_turns: MeasureInTurns | None = None
    """In place of `measure`: measures all at once, a while each, so that the machine's moods, which
    last from seconds to minutes, are the same for all; gives the rows by name."""
    takes: Callable[[Target], bool] = lambda _: True
    """Whether the target has what is measured."""
    pinned: bool = True
    """The target has core 0, the load core 1; otherwise all share both."""


def text_of(cell: Cell) -> str:
    """*cell* as people read it: three digits at least."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, int) or cell >= 100:
        return f"{cell:,.0f}"
    return f"{cell:.3g}"


def failed(error: Exception) -> Row:
    """The row of a target that failed to start or to take a trigger."""
    return Row({"failed": str(error).splitlines()[0]}, faults=1)


def fate(verdict: Verdict) -> dict[str, Cell]:
    """The columns that say what became of the runs."""
    return {
        "accepted": verdict.accepted,
        "lost": verdict.lost,
        "doubled": verdict.doubled,
        "contradictory": verdict.contradictory,
        "out of order": verdict.unordered,
    }
