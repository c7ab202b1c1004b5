"""Handlers for the tests of the engine."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from executor import JobContext, job_handler


@job_handler("note")
async def note(ctx: JobContext, params: str) -> str:
    """Write its log id to the file that its parameters name, if any."""
    if params:
        with Path(params).open("a", encoding="utf-8") as notes:  # noqa: ASYNC230 - one line
            notes.write(f"{ctx.log_id} {ctx.job_id} {ctx.attempt}\n")
    return "noted"


@job_handler("failUntil")
async def fail_until(ctx: JobContext, params: str) -> str:
    """Fail before attempt *params*."""
    if ctx.attempt < int(params):
        ctx.fail(f"attempt {ctx.attempt} fails")
    return f"attempt {ctx.attempt} succeeds"


@job_handler("wait")
async def wait(_: JobContext) -> None:
    """Run until it is stopped."""
    await asyncio.Event().wait()


@job_handler("waitOnce")
async def wait_once(_: JobContext, params: str) -> str:
    """Run until it is stopped; return at once the second time."""
    begun = Path(params)
    if begun.exists():  # noqa: ASYNC240 - a moment
        return "the second time"
    begun.touch()  # noqa: ASYNC240
    await asyncio.Event().wait()
    return "never"


@job_handler("pause")
async def pause(_: JobContext, params: str) -> None:
    """Take *params* seconds."""
    await asyncio.sleep(float(params))


@job_handler("untilThere")
async def until_there(_: JobContext, params: str) -> None:
    """Run until the file *params* is there."""
    while not Path(params).exists():  # noqa: ASYNC110, ASYNC240 - no event tells of it
        await asyncio.sleep(0.005)


@job_handler("untilThereInVain")
async def until_there_in_vain(ctx: JobContext, params: str) -> None:
    """Run until the file *params* is there, and fail."""
    await until_there(ctx, params)
    ctx.fail("it was there in vain")


@job_handler("failThenWait")
async def fail_then_wait(ctx: JobContext) -> None:
    """Fail at the first attempt; run until it is stopped at the next."""
    if ctx.attempt == 1:
        ctx.fail("the first attempt fails")
    await asyncio.Event().wait()


@job_handler("parentsAsync")
async def parents_async(ctx: JobContext) -> str:
    """Tell what the jobs that it has waited for have said."""
    return json.dumps(dict(ctx.parents))


@job_handler("parentsThread")
def parents_thread(ctx: JobContext) -> str:
    """Tell the same; fail at the first attempt."""
    if ctx.attempt == 1:
        ctx.fail("the first attempt fails")
    return json.dumps(dict(ctx.parents))


@job_handler("say")
async def say(ctx: JobContext, params: str) -> str:
    """Raise an alarm, and return *params*."""
    ctx.alarm("an alarm is no result")
    return params


@job_handler("failOrWait")
async def fail_or_wait(ctx: JobContext, params: str) -> None:
    """Fail where *params* say so; else run until it is stopped."""
    if params == "fail":
        ctx.fail("as it was told to")
    await asyncio.Event().wait()
