"""Handlers for the tests of the REST API."""

from __future__ import annotations

import json

from executor import JobContext, job_handler


@job_handler("tellConfigs")
async def tell_configs(ctx: JobContext) -> str:
    """Return the configs of its job."""
    return json.dumps(dict(ctx.config), sort_keys=True)


@job_handler("keepsErrors", keep_log="errors")
async def keeps_errors() -> None:
    """Succeed, and keep no log of it."""


@job_handler("keepsNothing", keep_log="none")
async def keeps_nothing() -> None:
    """Succeed; no log is ever kept."""


@job_handler("chatty")
async def chatty(ctx: JobContext) -> None:
    """Log 10 MB."""
    for _ in range(10_000):
        ctx.log.info("x" * 1000)
