"""The Admin away while triggers go on (another Admin of its cluster sends them)."""

from __future__ import annotations

import asyncio

from bench.load import open_loop, settled
from bench.scenario import Row, Scenario, fate
from bench.stage import Stage, stage
from bench.target import Target

RATE = 200.0
MARGIN_SECONDS = 3.0
PATIENCE_SECONDS = 100
"""Java looks for what it owes every 30 s."""


async def measure(target: Target, quick: bool) -> Row:
    away = 10.0 if quick else 60.0
    async with stage(target) as played:
        absence = asyncio.create_task(_absence(played, away))
        seconds = away + 2 * MARGIN_SECONDS
        await open_loop(played.triggers(), rate=RATE, seconds=seconds)
        back = await absence
        await settled(played.ledger, patience=PATIENCE_SECONDS)
        verdict = played.ledger.verdict()
        caught_up = played.ledger.last_called - back
    cells = {"away s": away} | fate(verdict)
    cells |= {"false failures": verdict.failed, "last result s after": caught_up}
    return Row(cells, faults=verdict.faults)


async def _absence(played: Stage, away: float) -> float:
    """The moment at which the Admin was back."""
    await asyncio.sleep(MARGIN_SECONDS)
    played.admin.stop()
    await asyncio.sleep(away)
    await played.admin.start()
    return asyncio.get_running_loop().time()


SCENARIO = Scenario(
    name="outage",
    title="The Admin away for 60 s at 200 runs a second",
    bar="0 lost, 0 doubled, order per job kept",
    measure=measure,
)
