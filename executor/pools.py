"""The places where runs run: a worker for each isolation, and how many runs each takes."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import asdict

import structlog

from executor.background import finish
from executor.handler_table import HandlerTable
from executor.model import Isolation
from executor.settings import ExecutorSection, ExecutorSettings
from executor.worker import Worker
from executor.workers.loop import AsyncWorker
from executor.workers.process import ProcessWorker
from executor.workers.script import ScriptWorker
from executor.workers.thread import ThreadWorker
from executor.workers.watchdog import Block, Watchdog

_log = structlog.get_logger(__name__)

_CODE_PATIENCE_S = 0.9
"""How long async and thread code may take to end; then its run is reported as busy."""
_KILLED_WITHIN_S = 2.0
"""How long the end of a process takes to be seen after SIGKILL."""


def slots_of(section: ExecutorSection) -> Mapping[Isolation, int]:
    """How many runs of each isolation may run at once."""
    return {
        Isolation.ASYNC: section.max_async,
        Isolation.THREAD: section.max_threads,
        Isolation.PROCESS: section.max_processes,
        Isolation.SCRIPT: section.max_scripts,
    }


class Pools:
    """All workers, built from the settings."""

    def __init__(self, table: HandlerTable, settings: ExecutorSettings) -> None:
        section = settings.executor
        grace_s = section.kill_grace_seconds
        loop_worker = AsyncWorker(table)
        self.scripts = ScriptWorker(settings.data_dir / "scripts", section.scripts, grace_s=grace_s)
        self.workers: Mapping[Isolation, Worker] = {
            Isolation.ASYNC: loop_worker,
            Isolation.THREAD: ThreadWorker(table),
            Isolation.PROCESS: ProcessWorker(table, grace_s=grace_s),
            Isolation.SCRIPT: self.scripts,
        }
        self.slots = slots_of(section)
        self.patience_s: Mapping[Isolation, float] = {
            Isolation.ASYNC: _CODE_PATIENCE_S,
            Isolation.THREAD: _CODE_PATIENCE_S,
            Isolation.PROCESS: grace_s + _KILLED_WITHIN_S,
            Isolation.SCRIPT: grace_s + _KILLED_WITHIN_S,
        }
        self.watchdog = Watchdog(loop_worker, on_block=_tell_block)

    async def open(self) -> None:
        for worker in self.workers.values():
            await worker.open()

    async def close(self, hurry: asyncio.Event) -> None:
        """End; what handlers still do at their end is left behind soon after *hurry* is set."""
        for worker in self.workers.values():
            await finish(worker.close(), hurry)


def _tell_block(block: Block) -> None:
    event = "handler_loop_free_again" if block.over else "handler_loop_blocked"
    _log.warning(event, **asdict(block))
