"""Triggers over 16 keep-alive connections: as fast as answers come, or at a fixed rate."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import orjson

from bench.http1 import Messages, request
from bench.waiting import until

if TYPE_CHECKING:
    from bench.ledger import Ledger

CONNECTIONS = 16
JOBS = range(1001, 1201)
FIRST_LOG_ID = 1_000_000_000
"""Ten digits from the first on, so that one prebuilt Content-Length fits all."""
RECONNECT_SECONDS = 0.02
DRAIN_SECONDS = 10


def trigger(job: int, log_id: int, *, handler: str, params: str = "") -> bytes:
    """The body of /run as an Admin sends it (`protocol.md` (a)); the log id comes last."""
    fields = {
        "jobId": job,
        "executorHandler": handler,
        "executorParams": params,
        "executorBlockStrategy": "SERIAL_EXECUTION",
        "executorTimeout": 0,
        "glueType": "BEAN",
        "glueSource": "",
        "glueUpdatetime": 1795466108000,
        "broadcastIndex": 0,
        "broadcastTotal": 1,
        "logDateTime": int(time.time() * 1000),
        "logId": log_id,
    }
    return orjson.dumps(fields)


class Triggers:
    """Prebuilt requests: all but the log id is made once per job."""

    def __init__(self, port: int, name_of: Callable[[int], str], ledger: Ledger) -> None:
        self.port = port
        self.ledger = ledger
        digits = len(str(FIRST_LOG_ID)) + 1
        self._heads = {
            job: request("/run", trigger(job, FIRST_LOG_ID, handler=name_of(job)))[:-digits]
            for job in JOBS
        }
        self._ids = itertools.count(FIRST_LOG_ID + len(ledger.runs))

    def next(self, job: int) -> tuple[int, bytes]:
        log_id = next(self._ids)
        self.ledger.sent(log_id, job, now=time.monotonic())
        return log_id, self._heads[job] + b"%d}" % log_id


class Sender(Messages):
    """One connection: sends a trigger, waits for its answer, asks *more* for the next job.

    A connection owns its jobs, so the triggers of one job are accepted in the order of their ids.
    """

    def __init__(self, triggers: Triggers, more: Callable[[], int | None]) -> None:
        super().__init__()
        self._triggers = triggers
        self._more = more
        self._log_id: int | None = None
        self.lost = asyncio.Event()

    def pump(self) -> None:
        if self._log_id is not None or self.transport is None or self.transport.is_closing():
            return
        job = self._more()
        if job is not None:
            self._log_id, data = self._triggers.next(job)
            self.transport.write(data)

    def message(self, head: bytes, body: bytes) -> None:
        assert self._log_id is not None
        accepted = orjson.loads(body).get("code") == 200
        self._triggers.ledger.answered(self._log_id, accepted=accepted, now=time.monotonic())
        self._log_id = None
        self.pump()

    @property
    def is_waiting(self) -> bool:
        return self._log_id is not None

    def connection_lost(self, exc: Exception | None) -> None:
        self._log_id = None
        self.lost.set()


class Line:
    """One of the 16: keeps its connection up, whatever happens to the target."""

    def __init__(self, triggers: Triggers, more: Callable[[], int | None]) -> None:
        self._triggers = triggers
        self._more = more
        self._sender: Sender | None = None

    async def run(self) -> None:
        try:
            while True:
                with suppress(OSError):
                    await self._connect()
                await asyncio.sleep(RECONNECT_SECONDS)
        finally:
            if self._sender is not None and self._sender.transport is not None:
                self._sender.transport.close()

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        _, self._sender = await loop.create_connection(
            lambda: Sender(self._triggers, self._more), "127.0.0.1", self._triggers.port
        )
        self._sender.pump()
        await self._sender.lost.wait()

    def pump(self) -> None:
        if self._sender is not None:
            self._sender.pump()

    @property
    def is_waiting(self) -> bool:
        return self._sender is not None and self._sender.is_waiting


async def closed_loop(
    triggers: Triggers, *, seconds: float = 1e9, runs: int = 1_000_000_000
) -> None:
    """Sends as fast as answers come, until *seconds* or *runs* are over and all is answered."""
    end, allowance = time.monotonic() + seconds, iter(range(runs))
    done = asyncio.Event()

    def source(jobs: Iterator[int]) -> Callable[[], int | None]:
        def more() -> int | None:
            if time.monotonic() < end and next(allowance, None) is not None:
                return next(jobs)
            done.set()
            return None

        return more

    async with _lines(triggers, [source(_jobs(index)) for index in range(CONNECTIONS)]):
        await done.wait()


async def open_loop(triggers: Triggers, *, rate: float, seconds: float) -> None:
    """Sends *rate* triggers a second whatever the answers do; late ones are sent at once."""
    waiting: list[deque[int]] = [deque() for _ in range(CONNECTIONS)]

    def source(queue: deque[int]) -> Callable[[], int | None]:
        return lambda: queue.popleft() if queue else None

    async with _lines(triggers, [source(queue) for queue in waiting]) as lines:
        start = time.monotonic()
        for number in range(int(rate * seconds)):
            await asyncio.sleep(max(0.0, start + number / rate - time.monotonic()))
            place = number % len(JOBS) % CONNECTIONS
            waiting[place].append(JOBS[number % len(JOBS)])
            lines[place].pump()
        await until(lambda: not any(waiting), seconds=DRAIN_SECONDS)


def _jobs(index: int) -> Iterator[int]:
    return itertools.cycle(JOBS[index::CONNECTIONS])


@asynccontextmanager
async def _lines(
    triggers: Triggers, sources: list[Callable[[], int | None]]
) -> AsyncIterator[list[Line]]:
    """The connections; at the end the answers that are still out are waited for."""
    lines = [Line(triggers, source) for source in sources]
    tasks = [asyncio.create_task(line.run()) for line in lines]
    try:
        yield lines
        await until(lambda: not any(line.is_waiting for line in lines), seconds=DRAIN_SECONDS)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def settled(ledger: Ledger, *, patience: float) -> None:
    """Waits until nothing is owed, or until *patience* seconds have brought no callback."""
    since, seen = time.monotonic(), ledger.completed
    while next(ledger.owed(), None) is not None and time.monotonic() - since < patience:
        if ledger.completed != seen:
            since, seen = time.monotonic(), ledger.completed
        await asyncio.sleep(0.05)
