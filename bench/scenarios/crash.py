"""Kill -9 under load, again and again, restarted each time on the same folder."""

from __future__ import annotations

import asyncio
import random

from bench.load import open_loop, settled
from bench.scenario import Row, Scenario, fate
from bench.stage import Stage, stage
from bench.target import Target

RATE = 200.0
"""Triggers a second of a handler that takes 20 ms."""


async def measure(target: Target, quick: bool) -> Row:
    kills = 4 if quick else 20
    async with stage(target) as played:
        load = asyncio.create_task(_load(played))
        for _ in range(kills):
            await asyncio.sleep(random.uniform(0.5, 1.5))
            played.running.kill()
            played.running.start()
            await played.running.ready()
        load.cancel()
        await asyncio.gather(load, return_exceptions=True)
        await settled(played.ledger, patience=45)
        verdict = played.ledger.verdict()
    cells = {"kills": kills} | fate(verdict) | {"interrupted": verdict.failed}
    return Row(cells, faults=verdict.faults)


async def _load(played: Stage) -> None:
    await open_loop(played.triggers("brief"), rate=RATE, seconds=600)


SCENARIO = Scenario(
    name="crash",
    title="kill -9 under load (200 triggers/s, 20 ms each), restarted on the same data",
    bar="0 lost, 0 contradictory",
    measure=measure,
)
