"""Handlers that each run in a process of their own: the only ones that can always be killed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from executor.context import Progress
from executor.model import Isolation
from executor.run_alarm import run_alarm
from executor.worker import Ending, EndingKind
from executor.workers.child import HandlerJob
from executor.workers.keeper import Keeper
from executor.workers.kept_run import KeptRun

if TYPE_CHECKING:
    from collections.abc import Callable

    from executor.handler_table import HandlerTable
    from executor.worker import Assignment

    Ended = Callable[[Ending], None]


class ProcessWorker:
    """Runs handlers in forks of a process that has loaded their modules."""

    def __init__(self, table: HandlerTable, *, grace_s: float) -> None:
        self._keeper = Keeper("process-handlers", modules=table.modules)
        self._needed = bool(table.of(Isolation.PROCESS))
        self._grace_s = grace_s

    async def open(self) -> None:
        self._keeper.open()
        if self._needed:
            await self._keeper.prepare()

    def start(self, assignment: Assignment, ended: Ended) -> ProcessRun:
        return ProcessRun(self._keeper, assignment, ended=ended, grace_s=self._grace_s)

    async def close(self) -> None:
        await self._keeper.close()


class ProcessRun(KeptRun):
    """One run of a handler in a process."""

    _told: Ending | None = None

    def job(self) -> HandlerJob:
        assigned = self.assignment
        return HandlerJob(
            assigned.trigger, assigned.started_ms, assigned.config, assigned.resources
        )

    def message(self, line: str) -> None:
        try:
            kind, *rest = json.loads(line)
            self._take(kind, rest)
        except (ValueError, TypeError):
            self.assignment.log.write_raw(line)  # torn: processes forked by the handler share it

    def _take(self, kind: str, rest: list[Any]) -> None:
        match kind, rest:
            case "log", [level, text]:
                self.assignment.log.write(text, level)
            case "raw", [text]:
                self.assignment.log.write_raw(text)
            case "progress", [fraction, text]:
                self.progress = Progress(fraction, text)
            case "alarm", [level, text]:
                self.assignment.alarmed(run_alarm(text, level))
            case "end", [ending, text]:
                self._told = Ending(EndingKind(ending), text)

    def ending(self, status: int | None) -> Ending:
        return self._told or self.death(status)
