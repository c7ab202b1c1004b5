"""Handlers that tell what they read as `ctx.config`, one of each isolation."""

from __future__ import annotations

import json

from executor import JobContext, job_handler


@job_handler("configAsync")
async def config_async(ctx: JobContext) -> str:
    return json.dumps(dict(ctx.config))


@job_handler("configThread")
def config_thread(ctx: JobContext) -> str:
    return json.dumps(dict(ctx.config))


@job_handler("configProcess", isolation="process")
def config_process(ctx: JobContext) -> str:
    return json.dumps(dict(ctx.config))


@job_handler("configIgnored", isolation="process")
def config_ignored(_: JobContext) -> str:
    return "done"
