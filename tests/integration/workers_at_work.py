"""A worker, opened, and what its runs say; for the tests of the workers."""

from __future__ import annotations

import asyncio
import threading
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from msgspec.structs import asdict

from executor import capture
from executor.handler_table import HandlerTable, load_handlers
from executor.model import Script, Trigger
from executor.run_alarm import RunAlarm
from executor.testing.run import MemoryLog
from executor.worker import Assignment
from executor.workers.loop import AsyncWorker
from executor.workers.process import ProcessWorker
from executor.workers.thread import ThreadWorker

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from executor.worker import Ending, Execution, Worker

LIMIT_S = 30.0
GRACE_S = 0.3
NOW_MS = 1_764_000_000_000
SAMPLE = Trigger(cluster="test", log_id=7, triggered_ms=NOW_MS, job_id=3)


class Log(MemoryLog):
    """A log whose lines can be waited for."""

    def __init__(self) -> None:
        super().__init__()
        self._news = threading.Condition()

    def write(self, text: str, level: str = "INFO") -> None:
        super().write(text, level)
        with self._news:
            self._news.notify_all()

    async def line_with(self, text: str) -> str:
        """The first line with *text* in it, as soon as there is one."""
        return await asyncio.to_thread(self._wait_for, text)

    def _wait_for(self, text: str) -> str:
        found: list[str] = []

        def look() -> bool:
            found[:] = [line for line in self.lines if text in line]
            return bool(found)

        with self._news:
            assert self._news.wait_for(look, LIMIT_S), f"no {text!r} in {self.lines}"
        return found[0]


@dataclass
class Started:
    """One run that has been started."""

    execution: Execution
    log: Log
    endings: list[Ending]
    first: asyncio.Future[Ending]
    alarms: list[RunAlarm]

    async def ending(self) -> Ending:
        return await asyncio.wait_for(asyncio.shield(self.first), LIMIT_S)

    async def began(self) -> None:
        await self.log.line_with("began")

    def stop(self) -> None:
        self.execution.stop()

    @property
    def progress(self) -> Any:
        return getattr(self.execution, "progress", None)


@dataclass
class Place:
    """A worker and the handlers that it runs."""

    worker: Worker
    table: HandlerTable
    isolation: str = ""

    def start(
        self,
        handler: str,
        params: str = "",
        *,
        config: dict[str, str] | None = None,
        **trigger: Any,
    ) -> Started:
        """Begin a run of *handler*; a `*` in its name stands for the isolation."""
        name = handler.replace("*", self.isolation)
        return self._start(
            Trigger(**_fields(SAMPLE, handler=name, params=params, **trigger)), config
        )

    def start_script(self, language: str, source: str, **trigger: Any) -> Started:
        script = Script(language=language, source=source, version_ms=5)
        return self._start(Trigger(**_fields(SAMPLE, script=script, **trigger)), None)

    def _start(self, trigger: Trigger, config: dict[str, str] | None) -> Started:
        capture.install()  # pytest has put its own stdout in place since the worker was opened
        loop = asyncio.get_running_loop()
        log, endings, first = Log(), [], loop.create_future()
        alarms: list[RunAlarm] = []

        def ended(ending: Ending) -> None:
            endings.append(ending)
            if len(endings) == 1:
                loop.call_soon_threadsafe(first.set_result, ending)

        assignment = Assignment(
            trigger=trigger,
            started_ms=NOW_MS,
            handler=None if trigger.script else self.table.find(trigger.handler),
            log=log,
            config=config or {},
            alarmed=alarms.append,
        )
        return Started(self.worker.start(assignment, ended), log, endings, first, alarms)


def _fields(trigger: Trigger, **changes: Any) -> dict[str, Any]:
    return asdict(trigger) | changes


@cache
def table() -> HandlerTable:
    return load_handlers(["tests.integration.worker_handlers"])


def worker_of(isolation: str) -> Worker:
    match isolation:
        case "async":
            return AsyncWorker(table())
        case "thread":
            return ThreadWorker(table())
        case _:
            return ProcessWorker(table(), grace_s=GRACE_S)


@asynccontextmanager
async def opened(worker: Worker, isolation: str = "") -> AsyncIterator[Place]:
    """Open *worker* in a service that captures what its runs say."""
    capture.install()
    await worker.open()
    try:
        yield Place(worker, table(), isolation)
    finally:
        await worker.close()
        capture.uninstall()
