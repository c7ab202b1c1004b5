"""What a run's own process does: a handler, or a script in its place."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import inspect
import json
import os
import sys
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from executor import capture
from executor.context import JobContext, Progress, current
from executor.workers.ending import raised, returned

if TYPE_CHECKING:
    from collections.abc import Mapping

    from executor.handler import Handler
    from executor.handler_table import HandlerTable
    from executor.model import Trigger
    from executor.run_alarm import RunAlarm
    from executor.worker import Ending

_EXEC_FAILED = 126
_LONGEST_TEXT = 2**20
"""Characters of a message; as JSON each takes up to 12 bytes."""


@dataclass(frozen=True, slots=True)
class HandlerJob:
    """Run a handler."""

    trigger: Trigger
    started_ms: int
    config: Mapping[str, str]
    resources: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ScriptJob:
    """Become another program."""

    command: list[str]
    environment: Mapping[str, str]
    directory: str


def run(job: HandlerJob | ScriptJob, messages: int, table: HandlerTable) -> int:
    """Do *job* and give the exit code; a script never returns from here."""
    if isinstance(job, ScriptJob):
        return _become(job)
    pipe = _Pipe(messages)
    context = JobContext(
        job.trigger,
        pipe,
        started_ms=job.started_ms,
        config=job.config,
        resources=job.resources,
        on_progress=pipe.progress,
        on_alarm=pipe.alarm,
    )
    sys.stdout = open(1, "w", buffering=1, errors="replace", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, errors="replace", closefd=False)  # noqa: SIM115
    capture.belongs_to(context)
    capture.install()
    current.set(context)
    ending = _ending(table, context)
    _end_threads()
    context.log.flush()
    flush_streams()
    pipe.tell("end", ending.kind.value, ending.message)
    return 0


def _become(job: ScriptJob) -> int:
    os.chdir(job.directory)
    try:
        os.execve(job.command[0], job.command, dict(job.environment))
    except (OSError, ValueError) as error:
        print(f"{job.command[0]} cannot be run: {error}", file=sys.stderr)  # noqa: T201
    return _EXEC_FAILED


def _ending(table: HandlerTable, context: JobContext) -> Ending:
    try:
        handler = table.find(context.handler)
        arguments = handler.arguments(context)
        if handler.init:
            handler.init()
        try:
            return returned(_call(handler, arguments))
        finally:
            if handler.destroy:
                handler.destroy()
    except BaseException as error:  # noqa: BLE001 - every ending is told
        return raised(error, context.log)


def _call(handler: Handler, arguments: tuple[object, ...]) -> object:
    outcome = handler.function(*arguments)
    return asyncio.run(outcome) if inspect.iscoroutine(outcome) else outcome


def _end_threads() -> None:
    """Let threads that are no daemons finish, as at any exit.

    Those of executors that nobody has shut down are told to: they would wait for ever.
    """
    threading._shutdown()  # type: ignore[attr-defined] # as multiprocessing does it


def flush_streams() -> None:
    """Write out what C code and the interpreter's own streams hold back; `os._exit` drops it."""
    for stream in filter(None, (sys.__stdout__, sys.__stderr__)):
        with contextlib.suppress(OSError, ValueError):  # closed by the handler
            stream.flush()
    ctypes.CDLL(None).fflush(None)


class _Pipe:
    """The log of this run, written as lines of JSON for the service to read."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._lock = threading.RLock()

    def write(self, text: str, level: str = "INFO") -> None:
        self.tell("log", level, text[:_LONGEST_TEXT])
        if len(text) > _LONGEST_TEXT:
            self.write_raw(text[_LONGEST_TEXT:])

    def write_raw(self, text: str) -> None:
        for start in range(0, len(text) or 1, _LONGEST_TEXT):
            self.tell("raw", text[start : start + _LONGEST_TEXT])

    def progress(self, latest: Progress) -> None:
        self.tell("progress", latest.fraction, latest.text[:_LONGEST_TEXT])

    def alarm(self, raised: RunAlarm) -> None:
        self.tell("alarm", raised.level, raised.text)

    def tell(self, *message: object) -> None:
        rest = memoryview(json.dumps(message).encode() + b"\n")
        with self._lock, contextlib.suppress(BrokenPipeError):
            while rest:
                rest = rest[os.write(self._fd, rest) :]
