"""The way of our handlers to the service's database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from executor import JobContext


@asynccontextmanager
async def connected(ctx: JobContext) -> AsyncIterator[asyncpg.Connection]:
    """A connection for the time of this block, its times in UTC."""
    connection = await asyncpg.connect(
        ctx.resource("database"),
        timeout=10,
        server_settings={"application_name": f"qooerp-{ctx.handler}", "TimeZone": "UTC"},
    )
    try:
        yield connection
    finally:
        await connection.close(timeout=5)
