"""Handlers for the tests of the engine."""

from __future__ import annotations

import asyncio
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
