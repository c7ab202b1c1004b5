"""Runs one handler for real, as the service would, and says what became of it."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import msgspec

from executor import capture
from executor.clock import SystemClock
from executor.errors import HandlerNotFound
from executor.handler import Handler, declared, handler_of
from executor.handler_table import HandlerTable
from executor.model import LOCAL, Isolation, RunState, Trigger
from executor.run_alarm import RunAlarm
from executor.worker import Assignment, Ending, EndingKind
from executor.workers.loop import AsyncWorker
from executor.workers.process import ProcessWorker
from executor.workers.thread import ThreadWorker

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from executor.context import Progress
    from executor.worker import Worker

_GRACE_S = 5.0
_A_TRIGGER = Trigger(cluster=LOCAL, log_id=1, triggered_ms=0, job_id=1)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a run."""

    state: RunState
    """SUCCEEDED, FAILED, or TIMED_OUT when it took longer than it may."""
    message: str
    lines: tuple[str, ...]
    """What it logged and printed, without times and levels."""
    progress: Progress | None
    """The last that it told."""
    alarms: tuple[RunAlarm, ...] = ()
    """What it raised by `ctx.alarm`."""


@dataclass(slots=True)
class MemoryLog:
    """A log that keeps its lines; safe to write from any thread."""

    lines: list[str] = field(default_factory=list)
    levels: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def write(self, text: str, level: str = "INFO") -> None:
        lines = text.split("\n")
        with self._lock:
            self.lines += lines
            self.levels += [level] * len(lines)

    def write_raw(self, text: str) -> None:
        self.write(text, "")


def run_handler(
    handler: str | Callable[..., object],
    params: str = "",
    *,
    config: Mapping[str, str] | None = None,
    resources: Mapping[str, str] | None = None,
    shard: tuple[int, int] = (0, 1),
    attempt: int = 1,
    parents: Mapping[int, str] | None = None,
    timeout_s: float = 60.0,
) -> Outcome:
    """Run *handler*, a declared function or its name, in its own isolation, and wait for it.

    A name is that of a handler whose module has been imported, else HandlerNotFound is raised.
    *shard* is (index, total); *parents* are results by the ids of their jobs. After *timeout_s*
    seconds it is stopped as the service would stop it. To be called from tests of any kind, also
    from within a running event loop.
    """
    found = _find(handler)
    trigger = msgspec.structs.replace(
        _A_TRIGGER,
        triggered_ms=SystemClock().now_ms(),
        handler=found.name,
        params=params,
        shard_index=shard[0],
        shard_total=shard[1],
        attempt=attempt,
        parents=parents or {},
        timeout_s=int(timeout_s),
    )
    alarms: list[RunAlarm] = []
    assignment = Assignment(
        trigger=trigger,
        started_ms=trigger.triggered_ms,
        handler=found,
        log=MemoryLog(),
        config={} if config is None else config,
        resources=resources or {},
        alarmed=alarms.append,
    )
    captures = capture.install()
    try:
        with ThreadPoolExecutor(1) as beside:  # the caller may be on a loop of its own
            outcome = beside.submit(asyncio.run, _outcome(found, assignment, timeout_s)).result()
            return replace(outcome, alarms=tuple(alarms))
    finally:
        if captures:
            capture.uninstall()


def _find(handler: str | Callable[..., object]) -> Handler:
    if isinstance(handler, str):
        return _declared(handler)
    if found := handler_of(handler):
        return found
    raise TypeError(f"{handler!r} is no handler: it was not declared with @job_handler")


def _declared(name: str) -> Handler:
    try:
        return HandlerTable(one for one in declared if one.name == name).find(name)
    except HandlerNotFound as error:
        error.add_note("import the module that declares it first, or give the function itself")
        raise


def _worker(handler: Handler) -> Worker:
    table = HandlerTable([handler], [handler.function.__module__])
    match handler.isolation:
        case Isolation.ASYNC:
            return AsyncWorker(table)
        case Isolation.THREAD:
            return ThreadWorker(table)
        case _:
            return ProcessWorker(table, grace_s=_GRACE_S)


async def _outcome(handler: Handler, assignment: Assignment, timeout_s: float) -> Outcome:
    worker = _worker(handler)
    await worker.open()
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[Ending] = loop.create_future()

    def hear(ending: Ending) -> None:
        loop.call_soon_threadsafe(ended.set_result, ending)

    execution = worker.start(assignment, hear)
    if not (await asyncio.wait({ended}, timeout=timeout_s))[0]:
        late = f"still at {execution.whereabouts() or 'work'} after {timeout_s:g} s"
        execution.stop()
        await asyncio.wait({ended}, timeout=_GRACE_S * 2)
        state, message = RunState.TIMED_OUT, late
    else:
        state, message = _named(ended.result()), ended.result().message
    await worker.close()
    lines: list[str] = getattr(assignment.log, "lines", [])
    return Outcome(state, message, tuple(lines), getattr(execution, "progress", None))


def _named(ending: Ending) -> RunState:
    return RunState.SUCCEEDED if ending.kind is EndingKind.RETURNED else RunState.FAILED
