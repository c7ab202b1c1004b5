"""How fast cron finds the next time: for plain expressions, and for the worst there are."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from bench.folders import ROOT
from bench.scenario import Cell, Figure, Row, Scenario
from bench.service import only_ours
from bench.target import Target
from scheduler.cron import parse

PLAIN = (
    "0 0/5 * * * ?",
    "*/15 * * * * ?",
    "0 30 9 ? * MON-FRI",
    "0 0 2 * * ?",
    "0 15 10 1,15 * ?",
    "0 0 0 L * ?",
    "*/10 * * * *",
    "30 4 * * 1",
)
NEVER = (
    "0 0 0 30 2 ?",
    "0 0 0 31 2,4,6,9,11 ?",
    "0 0 0 31W 4 ?",
    "0 0 0 ? 2 FRI#5 2033-2063",
    "0 0 0 1 1 ? 1971",
    "0 30 2 ? 3 1#2",
    "* * 2 ? 3 1L",
    "0 0 31 2 *",
)
_ZONES = tuple(map(ZoneInfo, ("UTC", "Asia/Shanghai", "America/New_York", "Europe/Berlin")))
_MOMENT = datetime(2026, 3, 9, 11, 22, 33, tzinfo=UTC)
_VECTORS = ROOT.parent / "shared" / "cron-vectors.jsonl"
"""The reference's answers, where they lie beside the project."""
_SUSPICIOUS_S = 0.001
_AGAIN = 5
_FIELDS = ((0, 59), (0, 59), (0, 23), (1, 31), (1, 12), (1, 7))


async def measure(target: Target, quick: bool) -> Row:
    del target
    seconds, searched = (0.2, 5_000) if quick else (1.0, 100_000)
    rates = {(text, str(zone)): _rate(text, zone, seconds) for text in PLAIN for zone in _ZONES}
    slowest = min(rates, key=lambda asked: rates[asked])
    expressions = [*NEVER, *_vectors(), *_random(searched)]
    worst_s, worst = max((_longest(text), text) for text in expressions)
    cells: dict[str, Cell] = {
        "plain: next times/s, the slowest": rates[slowest],
        "which": " in ".join(slowest),
        "the fastest": max(rates.values()),
        "expressions searched": len(expressions),
        "the longest search, CPU ms": worst_s * 1000,
        "which one": worst,
    }
    figures = (
        Figure("next_after of plain expressions", rates[slowest], "a second", 1e5, at_least=True),
        Figure("the longest search", worst_s * 1000, "ms", 5),
    )
    return Row(cells, figures)


def _rate(text: str, zone: ZoneInfo, seconds: float) -> float:
    """Next times a second of CPU, each from the one before."""
    rule, first = parse(text), _MOMENT.replace(tzinfo=zone)
    count, moment, start = 0, first, time.thread_time()
    while time.thread_time() - start < seconds:
        for _ in range(500):
            moment = rule.next_after(moment) or first
        count += 500
    return count / (time.thread_time() - start)


def _longest(text: str) -> float:
    """CPU seconds of reading *text* and finding its next time, in the worst zone."""
    return max(_least(text, zone) for zone in _ZONES)


def _least(text: str, zone: ZoneInfo) -> float:
    """What it takes: the least of some times, where the first is suspicious."""
    took = _once(text, zone)
    return took if took < _SUSPICIOUS_S else min(_once(text, zone) for _ in range(_AGAIN))


def _once(text: str, zone: ZoneInfo) -> float:
    parse.cache_clear()
    start = time.thread_time()
    parse(text).next_after(_MOMENT.replace(tzinfo=zone))
    return time.thread_time() - start


def _vectors() -> Iterator[str]:
    if _VECTORS.is_file():
        for line in _VECTORS.read_text(encoding="utf-8").splitlines():
            yield from _readable([json.loads(line)["expr"]])


def _random(count: int) -> Iterable[str]:
    chance = random.Random(1)
    return _readable(_made(chance) for _ in range(count))


def _made(chance: random.Random) -> str:
    second, minute, hour, day, month, weekday = (_field(chance, *span) for span in _FIELDS)
    days = chance.choice(
        [
            f"{day} {month} ?",
            f"{chance.randint(28, 31)} {chance.choice([2, month])} ?",
            f"{chance.choice(['L', 'LW', 'L-30', '31W', '30W'])} {month} ?",
            f"? {month} {weekday}",
            f"? {chance.choice([2, month])} {chance.randint(1, 7)}#{chance.randint(1, 5)}",
            f"? {month} {chance.randint(1, 7)}L",
        ]
    )
    years = chance.choice(["", "", " 2027-2099", " 2099", " 1970-2000", " 2028/4"])
    return f"{second} {minute} {hour} {days}{years}"


def _field(chance: random.Random, low: int, high: int) -> str:
    one, other = chance.randint(low, high), chance.randint(low, high)
    every = chance.randint(1, high)
    forms = ("*", f"{one}", f"{one}-{other}", f"{one}/{every}", f"{one},{other}", f"*/{every}")
    return chance.choice(forms)


def _readable(texts: Iterable[str]) -> Iterator[str]:
    for text in texts:
        try:
            parse(text)
        except ValueError:
            continue
        yield text


SCENARIO = Scenario(
    name="cron",
    title="Cron: next times a second, and the longest search of one (a core alone)",
    bar="≥ 100,000 a second; ≤ 5 ms",
    measure=measure,
    takes=only_ours,
)
