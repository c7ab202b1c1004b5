"""Handlers for the tests of alarms."""

from __future__ import annotations

import asyncio
import time

from executor import JobContext, job_handler


@job_handler("warnAsync")
async def warn_async(ctx: JobContext, params: str) -> str:
    ctx.alarm(params, level="critical")
    return "warned"


@job_handler("warnThread")
def warn_thread(ctx: JobContext, params: str) -> str:
    ctx.alarm(params, level="critical")
    return "warned"


@job_handler("warnProcess", isolation="process")
def warn_process(ctx: JobContext, params: str) -> str:
    ctx.alarm(params, level="critical")
    return "warned"


@job_handler("warnAndWait")
async def warn_and_wait(ctx: JobContext) -> None:
    """Raise an alarm, and run until it is stopped."""
    ctx.alarm("still here")
    await asyncio.Event().wait()


@job_handler("fail")
def fail(ctx: JobContext) -> None:
    time.sleep(0.01)
    ctx.fail("as it was told to")
