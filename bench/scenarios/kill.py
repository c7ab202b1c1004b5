"""From /kill to the callback, for each way of running code."""

from __future__ import annotations

import asyncio
import time

import orjson

from bench.http1 import post
from bench.ledger import percentile
from bench.load import JOBS
from bench.scenario import Cell, Row, Scenario
from bench.stage import Stage, stage
from bench.target import Target

PATIENCE_SECONDS = 15
RUN_UP_SECONDS = 1.0


async def measure(target: Target, quick: bool) -> Row:
    cells: dict[str, Cell] = {}
    faults = 0
    for isolation, handler in target.endless.items():
        async with stage(target) as played:
            cells[f"{isolation}, s"] = await _kills(played, handler, times=1 if quick else 5)
            faults += played.ledger.verdict().faults
    return Row(cells, faults=faults)


async def _kills(played: Stage, handler: str, *, times: int) -> Cell:
    took = []
    for _ in range(times):
        log_id = await played.trigger(handler)
        await asyncio.sleep(RUN_UP_SECONDS)
        start = time.monotonic()
        await post(played.port, "/kill", orjson.dumps({"jobId": JOBS[0]}))
        ended = await played.called(log_id, patience=PATIENCE_SECONDS)
        if ended is None:
            return f"not in {PATIENCE_SECONDS} s"
        took.append(ended - start)
        if untrue := await _untrue(played, log_id):
            return f"{took[0]:.3f}, but {untrue}"
    return percentile(took, 0.5)


async def _untrue(played: Stage, log_id: int) -> str:
    """What is wrong with the callback of a killed run."""
    if played.ledger.runs[log_id].codes == [200]:
        return "called a success"
    before = played.running.cpu_seconds()
    await asyncio.sleep(RUN_UP_SECONDS)
    return "it runs on" if played.running.cpu_seconds() - before > RUN_UP_SECONDS / 2 else ""


SCENARIO = Scenario(
    name="kill",
    title="Kill to callback (median)",
    bar="async ≤ 0.2 s; a thread's Python loop ≤ 1 s; process ≤ 1 s + its grace",
    measure=measure,
)
