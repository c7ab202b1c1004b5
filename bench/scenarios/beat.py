"""The control plane while a handler blocks: /beat every 10 ms, each on a connection of its own."""

from __future__ import annotations

import asyncio
import time

from bench.http1 import post
from bench.ledger import percentile
from bench.scenario import Cell, Row, Scenario
from bench.stage import stage
from bench.target import Target

INTERVAL_SECONDS = 0.01
BEATS = 450
"""Over 4.5 s, within the 5 s that the handler blocks."""


async def measure(target: Target, quick: bool) -> Row:
    del quick
    async with stage(target) as played:
        await asyncio.gather(*(_beat(played.port, 0.0) for _ in range(20)))
        log_id = await played.trigger("block")
        start = time.monotonic() + 0.1
        beats = [_beat(played.port, start + n * INTERVAL_SECONDS) for n in range(BEATS)]
        took = await asyncio.gather(*beats)
        await played.called(log_id, patience=15)
        verdict = played.ledger.verdict()
    cells: dict[str, Cell] = {
        "/beat p50 ms": percentile(took, 0.5) * 1000,
        "p99 ms": percentile(took, 0.99) * 1000,
        "max ms": max(took) * 1000,
        "lost": verdict.lost,
    }
    return Row(cells, faults=verdict.faults)


async def _beat(port: int, moment: float) -> float:
    """Seconds from *moment*, when it is due, to the answer."""
    await asyncio.sleep(moment - time.monotonic())
    due = max(moment, time.monotonic() - INTERVAL_SECONDS) if moment else time.monotonic()
    await post(port, "/beat")
    return time.monotonic() - due


SCENARIO = Scenario(
    name="beat",
    title="/beat while an (async) handler blocks for 5 s",
    bar="p99 ≤ 50 ms",
    measure=measure,
)
