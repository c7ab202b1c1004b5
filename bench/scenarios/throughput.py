"""Completed runs a second: accepted, run, logged and called back, after warming up."""

from __future__ import annotations

import time

from bench.ledger import answer_ms, result_ms
from bench.load import closed_loop, open_loop, settled
from bench.scenario import Cell, Row, Scenario, fate
from bench.stage import Stage, stage
from bench.target import Target

FIXED_RATE = 100.0
"""Triggers a second at which latencies are compared: below what the slowest peer can do."""


async def measure(target: Target, quick: bool) -> Row:
    warm_up, seconds = (3.0, 4.0) if quick else (25.0, 20.0)
    async with stage(target) as played:
        await closed_loop(played.triggers(), seconds=warm_up)
        await settled(played.ledger, patience=10)
        cells = await _at_full_speed(played, seconds) | await _at_a_fixed_rate(played, seconds / 2)
        verdict = played.ledger.verdict()
        cells |= {"memory MB": played.running.memory() / 1e6, "refused": verdict.refused}
    return Row(cells | fate(verdict), faults=verdict.faults)


async def _at_full_speed(played: Stage, seconds: float) -> dict[str, Cell]:
    ledger, sent, completed = played.ledger, len(played.ledger.runs), played.ledger.completed
    cpu, start = played.running.cpu_seconds(), time.monotonic()
    await closed_loop(played.triggers(), seconds=seconds)
    await settled(ledger, patience=10)
    runs, took = ledger.completed - completed, ledger.last_called - start
    cpu = played.running.cpu_seconds() - cpu
    return {
        "runs/s": runs / took,
        "share of the core": min(1.0, cpu / took),
        "runs per CPU second": runs / cpu,
        "/run p50 ms": answer_ms(ledger.since(sent), 0.5),
        "/run p99 ms": answer_ms(ledger.since(sent), 0.99),
    }


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
    measure=measure,
)
