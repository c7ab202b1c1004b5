"""Our twins of the handlers in java/src/common/reference/Executor.java."""

from __future__ import annotations

import asyncio

from executor import JobContext, job_handler


@job_handler("demo")
async def demo(ctx: JobContext, params: str) -> str:
    ctx.log.info("demo line")
    return f"hello {params}"


@job_handler("sleep")
async def sleep(ctx: JobContext, params: str) -> None:
    """The parameter is milliseconds."""
    del ctx
    await asyncio.sleep(int(params) / 1000)


@job_handler("fail")
async def fail() -> None:
    raise ValueError("broken on purpose")


@job_handler("log")
async def log(ctx: JobContext, params: str) -> None:
    """The parameter is the number of lines."""
    for number in range(1, int(params) + 1):
        ctx.log.info("own line %s", number)


@job_handler("shard")
async def shard(ctx: JobContext) -> str:
    return f"{ctx.shard_index}/{ctx.shard_total}"
