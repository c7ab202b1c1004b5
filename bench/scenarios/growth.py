"""Memory and CPU per run as runs add up."""

from __future__ import annotations

import time
from dataclasses import dataclass

from bench.load import closed_loop, settled
from bench.scenario import Cell, Row, Scenario
from bench.stage import Stage, stage
from bench.target import Target

LIMIT_SECONDS = 240


@dataclass(frozen=True, slots=True)
class Mark:
    runs: int
    cpu: float
    """Seconds since the start of the process."""
    memory: int


async def measure(target: Target, quick: bool) -> Row:
    """Quick takes a tenth of the runs."""
    scale = 10 if quick else 1
    async with stage(target) as played:
        end = time.monotonic() + LIMIT_SECONDS
        steps = [runs // scale for runs in (1_000, 3_000, 10_000, 48_000, 50_000)]
        first, third, tenth, near, last = [await _mark(played, runs, end=end) for runs in steps]
        verdict = played.ledger.verdict()
    early, late = _cpu_per_run(first, third), _cpu_per_run(near, last)
    cells: dict[str, Cell] = {
        "runs": last.runs,
        f"memory MB at {first.runs}": first.memory / 1e6,
        f"at {tenth.runs}": tenth.memory / 1e6,
        "at the end": last.memory / 1e6,
        "bytes/run after that": (last.memory - tenth.memory) / max(1, last.runs - tenth.runs),
        "CPU µs/run early": early * 1e6,
        "late": late * 1e6,
        "late/early": late / early,
        "lost": verdict.lost,
    }
    return Row(cells, faults=verdict.faults)


async def _mark(played: Stage, runs: int, *, end: float) -> Mark:
    """Goes on until *runs* were sent in all, or until *end*."""
    more = max(0, runs - len(played.ledger.runs))
    await closed_loop(played.triggers(), runs=more, seconds=max(0.0, end - time.monotonic()))
    await settled(played.ledger, patience=30)
    return Mark(len(played.ledger.runs), played.running.cpu_seconds(), played.running.memory())


def _cpu_per_run(start: Mark, end: Mark) -> float:
    return (end.cpu - start.cpu) / max(1, end.runs - start.runs)


SCENARIO = Scenario(
    name="growth",
    title="Memory and CPU over 50,000 runs",
    bar="≤ 90 MB at the end; ≤ 100 bytes a run after 10,000; late/early ≤ 1.1",
    measure=measure,
)
