"""A run's log: writing very many lines, then reading the last 100 of them."""

from __future__ import annotations

import asyncio
import time

import orjson

from bench.http1 import post
from bench.ledger import percentile
from bench.scenario import Cell, Row, Scenario
from bench.stage import Stage, stage
from bench.target import Target

PATIENCE_SECONDS = 240
READ_SECONDS = 60
READS = 11


async def measure(target: Target, quick: bool) -> Row:
    lines = 100_000 if quick else 1_000_000
    async with stage(target) as played:
        cpu, triggered_ms = played.running.cpu_seconds(), int(time.time() * 1000)
        log_id = await played.trigger("writer", str(lines))
        ended = await played.called(log_id, patience=PATIENCE_SECONDS)
        if ended is None:
            return Row({"lines/s": f"no end in {PATIENCE_SECONDS} s"})
        cells: dict[str, Cell] = {
            "lines": lines,
            "lines/s": lines / (ended - played.ledger.runs[log_id].sent),
            "CPU µs/line": (played.running.cpu_seconds() - cpu) / lines * 1e6,
            "memory MB": played.running.memory() / 1e6,
        }
        cells |= await _read(played, orjson.dumps(_query(log_id, triggered_ms, lines)))
        verdict = played.ledger.verdict()
    return Row(cells, faults=verdict.faults)


def _query(log_id: int, triggered_ms: int, lines: int) -> dict[str, int]:
    return {
        "logDateTim": triggered_ms // 1000 * 1000,
        "logId": log_id,
        "fromLineNum": lines - 99,
    }


async def _read(played: Stage, query: bytes) -> dict[str, Cell]:
    """The page that holds the last 100 lines, *READS* times, or once when that takes long."""
    took: list[float] = []
    answer = b""
    while len(took) < READS and sum(took) < READ_SECONDS / READS:
        start = time.monotonic()
        try:
            answer = await asyncio.wait_for(post(played.port, "/log", query), READ_SECONDS)
        except TimeoutError:
            return {"last 100 lines, ms": f"> {READ_SECONDS} s"}
        took.append(time.monotonic() - start)
    return {"last 100 lines, ms": percentile(took, 0.5) * 1000, "lines in it": _lines(answer)}


def _lines(answer: bytes) -> int:
    parsed = orjson.loads(answer)
    page = parsed.get("content") or parsed.get("data") or {}
    return len((page.get("logContent") or "").splitlines())


SCENARIO = Scenario(
    name="log",
    title="A log of 1,000,000 lines",
    bar="≥ 150,000 lines/s; the last 100 lines ≤ 20 ms",
    measure=measure,
    takes=lambda target: target.writer is not None,
)
