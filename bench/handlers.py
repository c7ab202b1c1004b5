"""Our side's handlers for the measurements; each peer has its twins (`peers/`)."""

from __future__ import annotations

import asyncio
import os
import time

from executor import JobContext, job_handler

ENDLESS_SECONDS = 60


@job_handler("noop")
async def noop(ctx: JobContext) -> str:
    ctx.log.info("done")
    return "done"


@job_handler("brief")
async def brief(ctx: JobContext) -> None:
    ctx.log.info("started")
    await asyncio.sleep(0.02)


@job_handler("noted")
async def noted(ctx: JobContext, params: str) -> None:
    """Adds its log id to the file that its parameters name, then takes 20 ms."""
    file = os.open(params, os.O_WRONLY | os.O_APPEND)
    os.write(file, f"{ctx.log_id}\n".encode())
    os.close(file)
    await asyncio.sleep(0.02)


@job_handler("configured")
async def configured(ctx: JobContext) -> str:
    return ctx.config.get("value", "")


@job_handler("block")
async def block() -> None:
    time.sleep(5)  # noqa: ASYNC251 (the mistake that is measured)


@job_handler("sleeper")
async def sleeper() -> None:
    await asyncio.sleep(ENDLESS_SECONDS)


@job_handler("thread_sleeper", isolation="thread")
def thread_sleeper() -> None:
    for _ in range(ENDLESS_SECONDS * 10):
        time.sleep(0.1)


@job_handler("spin", isolation="thread")
def spin() -> None:
    _spin()


@job_handler("process_spin", isolation="process")
def process_spin() -> None:
    _spin()


def _spin() -> None:
    end = time.monotonic() + ENDLESS_SECONDS
    while time.monotonic() < end:
        pass


@job_handler("writer", isolation="thread")
def writer(ctx: JobContext, params: str) -> None:
    lines = int(params)
    for number in range(lines):
        ctx.log.info("line %s of %s", number, lines)


@job_handler("fails")
async def fails() -> None:
    raise ValueError("as it is meant to")


@job_handler("flaky")
async def flaky(ctx: JobContext) -> None:
    """One run in twenty fails."""
    if ctx.log_id % 20 == 0:
        raise ValueError("as it is meant to")
