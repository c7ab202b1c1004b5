"""Handlers for the tests of the workers; importable by name, as handlers of processes must be."""

# ruff: noqa: T201 - to print is what is tested

from __future__ import annotations

import asyncio
import ctypes
import json
import logging
import os
import re
import signal
import subprocess
import sys
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from functools import wraps
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

import structlog
from pydantic import BaseModel, Field, field_validator

from executor import JobContext, RunStopped, job_handler

if TYPE_CHECKING:
    from collections.abc import Callable

logger = logging.getLogger("authors.module")


def everywhere(function: Callable[[JobContext, str], Any]) -> Callable[[JobContext, str], Any]:
    """Declare *function* once for each isolation, as `name-async`, `name-thread`, `name-process`."""

    async def awaited(ctx: JobContext, params: str) -> Any:
        return function(ctx, params)

    job_handler(f"{function.__name__}-async")(awaited)
    job_handler(f"{function.__name__}-thread", isolation="thread")(function)
    job_handler(f"{function.__name__}-process", isolation="process")(function)
    return function


@everywhere
def nothing(_: JobContext, params: str) -> None:
    pass


class Detached(dict[str, int]):
    """As what a database session has given and is closed since: whoever looks gets an error."""

    def items(self) -> Any:
        raise LookupError("the session is closed")

    def __repr__(self) -> str:
        raise LookupError("the session is closed")


RESULTS: dict[str, Callable[[], object]] = {
    "none": lambda: None,
    "text": lambda: "said",
    "mapping": lambda: {"rows": [1, 2]},
    "generator": lambda: (n for n in range(3)),
    "unpicklable": threading.Lock,
    "huge": lambda: "x" * 100_000,
    "loop": lambda: _looped(),
    "detached": lambda: Detached(rows=1),
}


def _looped() -> list[object]:
    looped: list[object] = []
    looped.append(looped)
    return looped


@everywhere
def give(_: JobContext, params: str) -> object:
    return RESULTS[params]()


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


ERRORS: dict[str, Callable[[], BaseException]] = {
    "value": lambda: ValueError("bad value"),
    "exit": lambda: SystemExit(3),
    "interrupt": lambda: KeyboardInterrupt(),
    "generator": lambda: GeneratorExit(),
    "unspeakable": Unspeakable,
}


@everywhere
def fall(_: JobContext, params: str) -> None:
    error = ERRORS[params]()
    raise error


@everywhere
def give_up(ctx: JobContext, params: str) -> None:
    ctx.fail("no rows today")


@everywhere
def warn(ctx: JobContext, params: str) -> str:
    """Raise two alarms."""
    ctx.alarm("stock below zero", level="critical")
    ctx.alarm(params)
    return "warned"


@everywhere
def talk(ctx: JobContext, params: str) -> None:
    ctx.log.info("ctx %s", 1)
    ctx.log.info("100% wrong %d", "x")
    ctx.log.info("%(key)s by name", {"key": "value"})
    logger.info("logged %s", 2)
    structlog.get_logger().info("structured", answer=42)
    print("printed", 3)
    print("to stderr", file=sys.stderr)
    try:
        dict[str, int]()["caught"]
    except LookupError:
        ctx.log.exception("failed once")
        logger.exception("failed twice")
    ctx.progress(0.4, "loading")
    print("unfinished", end="")


@everywhere
def log_what_cannot_be_shown(ctx: JobContext, params: str) -> str:
    logger.info("loaded %s", Detached())
    return "went on"


REQUEST: ContextVar[str] = ContextVar("request", default="none")


@everywhere
def bind(_: JobContext, params: str) -> str:
    """Give what a run before has left in the variable, and leave something there."""
    before = REQUEST.get()
    REQUEST.set(params)
    return before


@everywhere
def say_much(ctx: JobContext, params: str) -> None:
    ctx.log.info("\n".join(["x" * 999] * (int(params) + 1)))


@everywhere
def identity(ctx: JobContext, params: str) -> dict[str, object]:
    return {
        "log_id": ctx.log_id,
        "job_id": ctx.job_id,
        "params": ctx.params,
        "shard": [ctx.shard_index, ctx.shard_total],
        "attempt": ctx.attempt,
        "scheduled": ctx.scheduled_time.isoformat(),
        "deadline": ctx.deadline and ctx.deadline.isoformat(),
        "key": ctx.idempotency_key,
        "config": dict(ctx.config),
    }


class Limits(BaseModel):
    rows: int = Field(10, le=100)

    @field_validator("rows")
    @classmethod
    def _leave(cls, rows: int) -> int:
        """Do what no validator should."""
        return sys.exit(3) if rows == 13 else rows


@job_handler("limited-async")
async def limited_async(_: JobContext, params: Limits) -> str:
    print("began")
    return str(params.rows)


@job_handler("limited-thread")
def limited_thread(_: JobContext, params: Limits) -> str:
    print("began")
    return str(params.rows)


@job_handler("limited-process", isolation="process")
def limited_process(_: JobContext, params: Limits) -> str:
    print("began")
    return str(params.rows)


class Gate(BaseModel):
    file: str

    @field_validator("file")
    @classmethod
    def _await(cls, file: str) -> str:
        """Wait until it is there: a check that asks others may take as long as they do."""
        while not Path(file).exists():
            time.sleep(0.005)
        return file


@job_handler("checked-process", isolation="process")
def checked_process(_: JobContext, params: Gate) -> str:
    return "passed"


@job_handler("chatter-async")
async def chatter_async(ctx: JobContext, params: str) -> None:
    for _ in range(50):
        print(params, end=" ")
        await asyncio.sleep(0)
        print("end")
        logger.info(params)


@job_handler("chatter-thread")
def chatter_thread(ctx: JobContext, params: str) -> None:
    for _ in range(50):
        print(params, end=" ")
        time.sleep(0)
        print("end")
        logger.info(params)


@job_handler("chatter-process", isolation="process")
def chatter_process(ctx: JobContext, params: str) -> None:
    chatter_thread(ctx, params)


# to be stopped


@job_handler("wait-async")
async def wait_async(ctx: JobContext) -> None:
    print("began")
    await asyncio.sleep(60)


@job_handler("wait-thread")
def wait_thread(ctx: JobContext) -> None:
    print("began")
    while True:
        pass


@job_handler("wait-process", isolation="process")
def wait_process(ctx: JobContext) -> None:
    print("began")
    time.sleep(60)


@job_handler("stubborn-async")
async def stubborn_async(ctx: JobContext) -> str:
    refused = 0
    print("began")
    while refused < 2:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            refused += 1
            print("refused", refused)
    return f"refused {refused} times"


@job_handler("cancels-itself")
async def cancels_itself() -> None:
    raise asyncio.CancelledError


@job_handler("side-exit")
async def side_exit() -> str:
    async def leave() -> None:
        raise SystemExit(4)

    side = asyncio.create_task(leave())
    await asyncio.wait({side})
    return f"{side.exception()!r}"


@job_handler("block-loop")
async def block_loop(_: JobContext, params: str) -> None:
    time.sleep(float(params))  # noqa: ASYNC251 - the mistake that the watchdog is for


@job_handler("block-until")
async def block_until(ctx: JobContext, params: str) -> str:
    """The loop is blocked until the file is there; whoever could make it may be blocked, too."""
    ctx.log.info("began")
    for _ in range(2000):
        if Path(params).exists():  # noqa: ASYNC240 - the mistake that is looked at
            return "let go"
        time.sleep(0.005)  # noqa: ASYNC251 - the same
    return "held"


def measured(function: Callable[..., Any]) -> Callable[..., Any]:
    """A decorator whose author has not thought of async functions."""

    @wraps(function)
    def wrapper(*args: object) -> Any:
        return function(*args)

    return wrapper


@job_handler("wrapped-async")
@measured
async def wrapped_async(_: JobContext) -> str:
    return "awaited"


@job_handler("async-in-process", isolation="process")
async def async_in_process() -> str:
    await asyncio.sleep(0)
    return "awaited"


@job_handler("sleep-in-c")
def sleep_in_c(_: JobContext, params: str) -> None:
    print("began")
    time.sleep(float(params))


HOLD: SimpleQueue[None] = SimpleQueue()


@job_handler("held-in-c")
def held_in_c(_: JobContext) -> None:
    """Hang in C until something is put into HOLD."""
    print("began")
    HOLD.get()


@job_handler("stubborn-thread")
def stubborn_thread(_: JobContext) -> str:
    refused = 0
    print("began")
    while refused < 3:
        try:
            while True:
                pass
        except RunStopped:
            refused += 1
    return f"refused {refused} times"


@job_handler("polite-thread")
def polite_thread(ctx: JobContext) -> str:
    print("began")
    stopped = ctx.wait_cancelled(60)
    return f"cancelled {stopped}"


@job_handler("logs-without-end")
def logs_without_end(ctx: JobContext) -> None:
    print("began")
    while True:
        ctx.log.info("line")


@job_handler("endless-expression", isolation="process")
def endless_expression(_: JobContext) -> None:
    print("began")
    re.match(r"(a+)+$", "a" * 64 + "b")


@job_handler("family", isolation="process")
def family(_: JobContext) -> None:
    """A process that refuses SIGTERM, as its child does; both tell their numbers."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    child = subprocess.Popen(["sleep", "60"])
    print(json.dumps([os.getpid(), child.pid]))
    child.wait()


@job_handler("leaves-a-child", isolation="process")
def leaves_a_child(_: JobContext) -> str:
    return str(subprocess.Popen(["sleep", "60"]).pid)


@job_handler("kills-itself", isolation="process")
def kills_itself(_: JobContext, params: str) -> None:
    os.kill(os.getpid(), int(params))
    time.sleep(60)


@job_handler("leaves-at-once", isolation="process")
def leaves_at_once(_: JobContext, params: str) -> None:
    os._exit(int(params))


@job_handler("low-level", isolation="process")
def low_level(_: JobContext) -> None:
    os.write(1, "by C: 中\n".encode())
    subprocess.run(["sh", "-c", "echo by a sub-process; echo and stderr >&2"], check=True)


@job_handler("holds-back", isolation="process")
def holds_back(_: JobContext) -> None:
    """Leave text in the buffers of C and of the interpreter."""
    ctypes.CDLL(None).printf(b"by printf\n")
    print("by the interpreter's stream", file=sys.__stdout__)


POOL = ThreadPoolExecutor(2)


@job_handler("pools", isolation="process")
def pools(_: JobContext) -> str:
    """Work in a pool that outlives the call, as a module's own does."""
    return POOL.submit(lambda: "by a thread").result()


@job_handler("warns", isolation="process")
def warns(_: JobContext) -> None:
    warnings.warn("take care", stacklevel=1)


@job_handler("parent", isolation="process")
def parent(_: JobContext) -> str:
    return str(os.getppid())


HOOKS: list[str] = []


@job_handler(
    "hooked-thread", init=lambda: HOOKS.append("init"), destroy=lambda: HOOKS.append("destroy")
)
def hooked_thread() -> str:
    return " ".join(HOOKS)


@job_handler(
    "hooked-process", isolation="process", init=lambda: print("init"), destroy=lambda: print("bye")
)
def hooked_process() -> None:
    print("between")
