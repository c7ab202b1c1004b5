"""One handler of each kind: read from the top, it is the tutorial for writing your own.

A handler is a function with a name. The name is what you enter as JobHandler in the Admin's
console, or as `handlerName` in the REST API. Everything that it logs, through `ctx.log`, through
`logging` or by `print`, is shown in the run's log; what it returns is the run's message; an
exception makes the run fail. To try one without any service:

    from executor.testing import run_handler
    from handlers.sample import sample_params
    print(run_handler(sample_params, "city=Berlin days=3"))
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from executor import JobContext, job_handler

logger = logging.getLogger(__name__)


@job_handler("sampleAsync")
async def sample_async(ctx: JobContext) -> str:
    """Wait for something without holding a thread.

    `async def` handlers share one event loop, so thousands may run at once; none of them may
    block. A kill or a timeout cancels what they await: clean up in `finally`.
    """
    try:
        for step in range(1, 4):
            await asyncio.sleep(0.1)
            ctx.progress(step / 3, f"step {step} of 3")
    finally:
        ctx.log.info("cleaned up")
    return "3 steps done"


@job_handler("sampleThread")
def sample_thread(ctx: JobContext) -> str:
    """Call code that blocks: a database driver, `requests`, a long loop.

    A plain `def` runs in a thread. To stop early and tidily, look at `ctx.cancelled` now and
    then, or sleep by `ctx.wait_cancelled(seconds)`; who does not is interrupted by an exception.
    """
    for step in range(1, 4):
        if ctx.wait_cancelled(0.1):
            return f"told to stop before step {step}"
        logger.info("step %s of 3", step)
    return "3 steps done"


@job_handler("sampleProcess", isolation="process")
def sample_process(ctx: JobContext) -> dict[str, int]:
    """Compute on a core of its own.

    Each run is a process, so it can always be killed, with all the processes it started; memory
    that it leaks or a crash in C code harm nobody else. A result that is no string is shown as
    JSON.
    """
    ctx.log.info("counting primes")
    limit = 20_000
    primes = sum(all(n % d for d in range(2, int(n**0.5) + 1)) for n in range(2, limit))
    return {"limit": limit, "primes": primes}


@job_handler("sampleSharding", idempotent=True)
def sample_sharding(ctx: JobContext) -> str:
    """Take one share of the work: with the routing strategy Sharding Broadcast, every executor runs it.

    `idempotent=True` says that it may be begun again when the service died in the middle.
    """
    rows = range(1, 101)
    mine = [row for row in rows if row % ctx.shard_total == ctx.shard_index]
    ctx.log.info("share %s of %s: %s rows", ctx.shard_index, ctx.shard_total, len(mine))
    return f"{len(mine)} rows"


class ReportParams(BaseModel):
    """What sampleParams takes; each field shows up, with its rule, in the list of handlers."""

    city: str = "Shanghai"
    days: Annotated[int, Field(ge=1, le=31)] = 7
    unit: Literal["celsius", "fahrenheit"] = "celsius"


@job_handler("sampleParams")
async def sample_params(ctx: JobContext, params: ReportParams) -> str:
    """Take checked parameters: `{"city": "Berlin"}`, or `city=Berlin days=3`, or nothing.

    Wrong ones fail the run before it starts, and say which field and why.
    """
    ctx.log.info("asked for %s days of %s", params.days, params.city)
    return f"{params.city}: {params.days} days in {params.unit}"


@job_handler("sampleText", keep_log="errors")
async def sample_text(_: JobContext, params: str) -> str:
    """Take the parameters as the text they are, and keep the log of failed runs only."""
    return params.upper()


@job_handler("sampleFail")
async def sample_fail(ctx: JobContext, params: str) -> None:
    """Fail in one of two ways.

    `ctx.fail(message)` is for what you foresee: the message is reported, nothing else. Any other
    exception is taken for a mistake: its traceback goes to the log.
    """
    if params == "mistake":
        raise ValueError("an unforeseen mistake")
    ctx.fail("nothing to report today")


@job_handler("sampleSlow", isolation="thread")
def sample_slow(_: JobContext) -> None:
    """Take a minute without ever looking up, to try what kill and timeout do."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        pass
