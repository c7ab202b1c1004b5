"""Lists of runs, statistics and the monitor, asked over HTTP while `schedule_log` is big."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from bench.api import Api, api, asked, get
from bench.filling import BUSIEST, JOBS, QUIETEST, fill
from bench.http1 import connect
from bench.ledger import percentile
from bench.scenario import Cell, Figure, Row, Scenario
from bench.service import migrated, only_ours, postgres
from bench.target import Target
from scheduler.api.cursor import to_us, write_cursor

Ask = Callable[[], str]
"""A path and its query, another one each time."""
Query = dict[str, object]

MIDDLE = 100
"""A job with somewhat more runs than pages by number reach, far apart on the disk."""
_LAST_PAGE = 500
_BAR_MS = 30
_UNMEASURED = 10


async def measure(target: Target, quick: bool) -> Row:
    del target
    rows, times = (500_000, 100) if quick else (10_000_000, 500)
    async with postgres() as server, migrated(server):
        start = time.monotonic()
        await fill(server.dsn, rows)
        filled_s = time.monotonic() - start
        async with api(server) as service:
            took = {what: await _times(service, ask, times) for what, ask in _cases()}
    slowest = {what: percentile(values, 0.99) * 1000 for what, values in took.items()}
    shown: dict[str, Cell] = {
        what: f"{percentile(values, 0.5) * 1000:.1f} / {slowest[what]:.1f}"
        for what, values in took.items()
    }
    worst = max(slowest, key=lambda what: slowest[what])
    figure = Figure(f"slowest of {len(took)}, {worst}", slowest[worst], "ms, p99", _BAR_MS)
    shown |= {"rows": rows, "filled in, s": filled_s}
    return Row(shown, (figure,))


async def _times(service: Api, ask: Ask, times: int) -> list[float]:
    caller = await connect(service.port)
    took = []
    for _ in range(_UNMEASURED + times):
        request = get(ask())
        start = time.monotonic()
        await asked(caller, request)
        took.append(time.monotonic() - start)
    if caller.transport is not None:
        caller.transport.close()
    return took[_UNMEASURED:]


def _cases() -> Iterator[tuple[str, Ask]]:
    yield from _lists()
    yield from _lists_by_time()
    yield "statistics of a job", lambda: f"/statistics/job/{_any_job()}"
    yield "statistics of a job by day", lambda: f"/statistics/job/{_any_job()}/daily?days=365"
    yield "statistics of all by day", lambda: "/statistics/daily?days=365"
    yield "monitor", lambda: "/statistics/monitor"


def _lists() -> Iterator[tuple[str, Ask]]:
    """Each from its first page, its last page by number, and from a place far down."""
    lists: dict[str, Query] = {
        "all": {},
        "busiest job": {"jobId": BUSIEST},
        "middle job": {"jobId": MIDDLE},
        "quietest job": {"jobId": QUIETEST},
        "status succeeded": {"status": "succeeded"},
        "status failed": {"status": "failed"},
        "status killed (1 in 100,000)": {"status": "killed"},
        "status queued (none)": {"status": "queued"},
        "busiest job, succeeded": {"jobId": BUSIEST, "status": "succeeded"},
        "busiest job, killed (1 in 100,000)": {"jobId": BUSIEST, "status": "killed"},
        "busiest job, failed (none)": {"jobId": BUSIEST, "status": "failed"},
        "middle job, succeeded": {"jobId": MIDDLE, "status": "succeeded"},
    }
    for what, query in lists.items():
        yield from _from_three_places(what, query)
    yield "any job", _logs(lambda: {"jobId": _any_job()})


def _from_three_places(what: str, query: Query) -> Iterator[tuple[str, Ask]]:
    yield what, _logs(lambda: query)
    yield f"{what}, page 500", _logs(lambda: query | {"current": _LAST_PAGE})
    yield f"{what}, deep cursor", _logs(lambda: query | {"cursor": _deep()})


def _lists_by_time() -> Iterator[tuple[str, Ask]]:
    yield from _within("an hour", 1 / 24)
    yield from _within("a day", 1)
    yield from _within("60 days", 60)
    yield "a time to come", _logs(lambda: {"startTime": "2099-01-01T00:00:00Z"})


def _within(what: str, days: float) -> Iterator[tuple[str, Ask]]:
    none: Query = {"jobId": BUSIEST, "status": "failed"}
    yield what, _logs(lambda: _span(days))
    yield f"{what}, page 500", _logs(lambda: _span(days) | {"current": _LAST_PAGE})
    yield f"{what}, failed", _logs(lambda: _span(days) | {"status": "failed"})
    yield f"{what}, any job", _logs(lambda: _span(days) | {"jobId": _any_job()})
    yield f"{what}, busiest job, failed (none)", _logs(lambda: _span(days) | none)


def _logs(query: Callable[[], Query]) -> Ask:
    return lambda: f"/logs?{urlencode(query())}"


def _any_job() -> int:
    return random.randint(1, JOBS)


def _span(days: float) -> Query:
    start = _past(days + 1, 320)
    end = start + timedelta(days=days)
    return {"startTime": start.isoformat(), "endTime": end.isoformat()}


def _deep() -> str:
    """A place in the list that only a cursor reaches."""
    return write_cursor(to_us(_past(200, 320)), 2**62)


def _past(least: float, most: float) -> datetime:
    """A moment between so many days ago."""
    return datetime.now(UTC) - timedelta(days=random.uniform(least, most))


SCENARIO = Scenario(
    name="lists",
    title="Lists of runs and statistics over HTTP, 10,000,000 rows in schedule_log (p50 / p99, ms)",
    bar="p99 ≤ 30 ms each",
    measure=measure,
    takes=only_ours,
    pinned=False,
)
