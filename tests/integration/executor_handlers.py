"""Handlers for the tests of the run path; what they do can be watched and steered from a test.

In the test's own process by the names of GATES, in a service of its own by the paths of files.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import threading
import time
from collections import Counter, defaultdict
from pathlib import Path

from executor import JobContext, RunStopped, job_handler

GATES: defaultdict[str, threading.Event] = defaultdict(threading.Event)
"""What `gate`, `gate-async` and `stuck` wait for, by their params."""
BEGUN: list[int] = []
"""The log ids of runs, in the order in which their code began."""


class Together:
    """How many runs of a job are in their code at once, and were at most."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._now: Counter[int] = Counter()
        self.most: Counter[int] = Counter()

    def __call__(self, job_id: int, change: int) -> None:
        with self._lock:
            self._now[job_id] += change
            self.most[job_id] = max(self.most[job_id], self._now[job_id])


TOGETHER = Together()
EXECUTED: list[int] = []
"""The log ids of the executions of `nap`, `nap-async` and `deaf`."""


@job_handler("echo")
async def echo(_: JobContext, params: str) -> str:
    return params


@job_handler("gate")
def gate(ctx: JobContext, params: str) -> str:
    """Wait for the gate; can be stopped at every step."""
    BEGUN.append(ctx.log_id)
    TOGETHER(ctx.job_id, 1)
    try:
        while not GATES[params].wait(0.005):
            pass
        return params
    finally:
        TOGETHER(ctx.job_id, -1)


@job_handler("gate-async")
async def gate_async(_: JobContext, params: str) -> str:
    """Wait for the gate likewise, beside other async handlers."""
    while not GATES[params].is_set():  # noqa: ASYNC110 - an event of threads cannot be awaited
        await asyncio.sleep(0.005)
    return params


@job_handler("stuck")
def stuck(ctx: JobContext, params: str) -> str:
    """Wait for the gate, and swallow every attempt to stop it."""
    BEGUN.append(ctx.log_id)
    TOGETHER(ctx.job_id, 1)
    while not GATES[params].is_set():
        try:
            GATES[params].wait(0.005)
        except RunStopped:
            continue
    TOGETHER(ctx.job_id, -1)
    return params


@job_handler("nap")
def nap(ctx: JobContext, params: str) -> str:
    EXECUTED.append(ctx.log_id)
    TOGETHER(ctx.job_id, 1)
    try:
        ctx.wait_cancelled(float(params))
        return params
    finally:
        TOGETHER(ctx.job_id, -1)


@job_handler("nap-async")
async def nap_async(ctx: JobContext, params: str) -> str:
    EXECUTED.append(ctx.log_id)
    TOGETHER(ctx.job_id, 1)
    try:
        await asyncio.sleep(float(params))
        return params
    finally:
        TOGETHER(ctx.job_id, -1)


@job_handler("deaf")
def deaf(ctx: JobContext, params: str) -> str:
    """Cannot be stopped, as long as C code holds it."""
    EXECUTED.append(ctx.log_id)
    TOGETHER(ctx.job_id, 1)
    try:
        time.sleep(float(params))
        return params
    finally:
        TOGETHER(ctx.job_id, -1)


@job_handler("sleeper")
async def sleeper(ctx: JobContext) -> None:
    BEGUN.append(ctx.log_id)
    await asyncio.sleep(60)


@job_handler("block-until")
async def block_until(_: JobContext, params: str) -> str:
    """The loop is blocked until the file is there; whoever could make it may be blocked, too."""
    for _tried in range(6000):
        if Path(params).exists():  # noqa: ASYNC240 - the mistake that is looked at
            return "let go"
        time.sleep(0.005)  # noqa: ASYNC251 - the same
    return "held"


@job_handler("lines")
def lines(ctx: JobContext, params: str) -> None:
    for n in range(int(params)):
        ctx.log.info("line %d", n)


@job_handler("quiet", keep_log="none")
def quiet(ctx: JobContext) -> None:
    ctx.log.info("not to be kept")


@job_handler("only-errors", keep_log="errors")
def only_errors(ctx: JobContext, params: str) -> None:
    ctx.log.info("said %s", params)
    if params:
        ctx.fail(params)


@job_handler("odd-text")
def odd_text(ctx: JobContext) -> str:
    """Say what UTF-8 cannot hold, as a file name that could not be decoded does."""
    ctx.log.info("name \udcff here")
    return "told \udcff so"


def _wait_for_file(ctx: JobContext, params: str) -> str:
    """Note the beginning in the file *mark*, and wait for the file *until*."""
    told = json.loads(params)
    with Path(told["mark"]).open("a", encoding="ascii") as mark:
        mark.write(f"{ctx.log_id}\n")
    while not Path(told["until"]).exists():
        time.sleep(0.005)
    return "found"


def _mark(ctx: JobContext, params: str) -> str:
    """Note the execution in the file *params*, and take a moment."""
    with Path(params).open("a", encoding="ascii") as mark:
        mark.write(f"{ctx.log_id}\n")
    ctx.wait_cancelled(0.02)
    return "done"


job_handler("mark")(_mark)
job_handler("mark-again", idempotent=True)(_mark)
job_handler("file-gate")(_wait_for_file)
job_handler("file-gate-again", idempotent=True)(_wait_for_file)


@job_handler("file-gate-beside")
async def file_gate_beside(ctx: JobContext, params: str) -> str:
    """Wait for the file in a thread that nothing can stop."""
    return await asyncio.to_thread(_wait_for_file, ctx, params)


@job_handler("fork")
def fork() -> str:
    """Leave a process behind, as a pool of `multiprocessing` does; give its number."""
    child = multiprocessing.get_context("fork").Process(target=time.sleep, args=(60,), daemon=True)
    child.start()
    return str(child.pid)


@job_handler("process-gate", isolation="process")
def process_gate(_: JobContext, params: str) -> str:
    """Tell the number of the process in the file, and go on."""
    Path(params).write_text(str(os.getpid()), encoding="ascii")
    time.sleep(60)
    return "slept"


@job_handler("forks-ended")
def forks_ended() -> str:
    """Terminate processes as soon as they are forked, as a pool that is closed does; their codes."""
    codes = set()
    for _ in range(20):
        child = multiprocessing.get_context("fork").Process(target=time.sleep, args=(60,))
        child.start()
        child.terminate()
        child.join()
        codes.add(child.exitcode)
    return str(codes)


@job_handler("deaf-gate-again", idempotent=True)
def deaf_gate(ctx: JobContext, params: str) -> str:
    """Wait for the file likewise, and swallow every attempt to stop it."""
    told = json.loads(params)
    with Path(told["mark"]).open("a", encoding="ascii") as mark:
        mark.write(f"{ctx.log_id}\n")
    while not Path(told["until"]).exists():
        try:
            time.sleep(0.005)
        except RunStopped:
            continue
    return "found"
