"""Completed runs a second: accepted, run, logged and called back, after warming up, in turns."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from statistics import median

from bench.ledger import answer_ms, result_ms
from bench.load import closed_loop, open_loop, settled
from bench.scenario import FAILURES, Cell, Figure, Row, Scenario, failed, fate
from bench.stage import Stage, stage
from bench.target import Target
from bench.targets import OURS, PYXXL

FIXED_RATE = 100.0
"""Triggers a second at which latencies are compared: below what the slowest peer can do."""


@dataclass(frozen=True, slots=True)
class _Length:
    """How long each part takes, seconds."""

    warm_up: float
    turns: int
    turn: float
    at_a_fixed_rate: float


@dataclass(slots=True)
class _Played:
    """A target on its stage, and what its turns have shown so far."""

    stage: Stage
    rates: list[float] = field(default_factory=list)
    """Runs a second, by turn."""
    cores: list[float] = field(default_factory=list)
    """The share of its core that it used."""
    answers: list[tuple[float, float]] = field(default_factory=list)
    """/run p50 and p99, milliseconds."""

    def cells(self) -> dict[str, Cell]:
        return {
            "runs/s": median(self.rates),
            "slowest and fastest turn": f"{min(self.rates):,.0f} – {max(self.rates):,.0f}",
            "share of the core": min(1.0, median(self.cores)),
            "runs per CPU second": median(
                rate / core for rate, core in zip(self.rates, self.cores, strict=True)
            ),
            "/run p50 ms": median(p50 for p50, _ in self.answers),
            "/run p99 ms": median(p99 for _, p99 in self.answers),
        }


async def in_turns(targets: Iterable[Target], quick: bool) -> dict[str, Row]:
    length = _Length(3, 3, 2, 2) if quick else _Length(60, 20, 2, 10)
    rows: dict[str, Row] = {}
    async with AsyncExitStack() as opened:
        played: dict[str, _Played] = {}
        for target in targets:
            try:
                one = await opened.enter_async_context(stage(target))
                await _load(one, length.warm_up)
            except FAILURES as error:
                rows[target.name] = failed(error)
            else:
                played[target.name] = _Played(one)
        for _ in range(length.turns):
            for each in played.values():
                with _without_collector():
                    await _turn(each, length.turn)
        for name, each in played.items():
            rows[name] = await _row(each, length.at_a_fixed_rate, _figures(name, played))
    return rows


@contextmanager
def _without_collector() -> Iterator[None]:
    """A turn's runs are no garbage: looking through them would stop the load, 6 ms a time."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()  # nor is any turn to come to look through them
        gc.enable()


async def _load(played: Stage, seconds: float) -> None:
    await closed_loop(played.triggers(), seconds=seconds)
    await settled(played.ledger, patience=10)


async def _turn(played: _Played, seconds: float) -> None:
    one, ledger = played.stage, played.stage.ledger
    sent, completed = len(ledger.runs), ledger.completed
    cpu, start = one.running.cpu_seconds(), time.monotonic()
    await _load(one, seconds)
    took = ledger.last_called - start
    played.rates.append((ledger.completed - completed) / took)
    played.cores.append((one.running.cpu_seconds() - cpu) / took)
    runs = ledger.since(sent)
    played.answers.append((answer_ms(runs, 0.5), answer_ms(runs, 0.99)))


async def _row(played: _Played, seconds: float, figures: tuple[Figure, ...]) -> Row:
    one = played.stage
    cells = played.cells() | await _at_a_fixed_rate(one, seconds)
    verdict = one.ledger.verdict()
    cells |= {"memory MB": one.running.memory() / 1e6, "refused": verdict.refused}
    return Row(cells | fate(verdict), figures, faults=verdict.faults)


def _figures(name: str, played: Mapping[str, _Played]) -> tuple[Figure, ...]:
    """How many times as fast ours was, turn by turn."""
    if name != OURS.name:
        return ()
    javas = [one.rates for peer, one in played.items() if peer.startswith("Java")]
    others = {"the better Java": (javas, 1.5)}
    if PYXXL.name in played:
        others["pyxxl"] = ([played[PYXXL.name].rates], 10)
    return tuple(
        Figure(
            f"as many as {what} times", _times(played[name].rates, rates), "", bar, at_least=True
        )
        for what, (rates, bar) in others.items()
        if rates
    )


def _times(ours: list[float], theirs: list[list[float]]) -> float:
    """The median over the turns of ours against theirs, of those for whom it is the least."""
    return min(
        median(our / their for our, their in zip(ours, rates, strict=True)) for rates in theirs
    )


async def _at_a_fixed_rate(played: Stage, seconds: float) -> dict[str, Cell]:
    ledger, sent = played.ledger, len(played.ledger.runs)
    await open_loop(played.triggers(), rate=FIXED_RATE, seconds=seconds)
    await settled(ledger, patience=10)
    rate = f"at {FIXED_RATE:.0f}/s"
    return {
        f"{rate}: /run p99 ms": answer_ms(ledger.since(sent), 0.99),
        f"{rate}: result p50 ms": result_ms(ledger.since(sent), 0.5),
        f"{rate}: result p99 ms": result_ms(ledger.since(sent), 0.99),
    }


SCENARIO = Scenario(
    name="throughput",
    title="Completed runs on one core: 200 jobs, 16 connections, a no-op that logs one line",
    bar="1.5 × the better Java; 10 × pyxxl; 0 lost",
    in_turns=in_turns,
)
