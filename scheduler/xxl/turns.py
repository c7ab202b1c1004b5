"""One at a time: changes of a job at an Admin, which itself has no locks and no versions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from weakref import WeakValueDictionary

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from scheduler.database import STATEMENT_FAILED

_LOCK = 0x71786C31
"""First half of the key of the advisory locks."""
_PATIENT = text("SET LOCAL idle_in_transaction_session_timeout = 0")
"""An Admin may take longer than a server lets transactions rest."""
_MOST = 4
"""Jobs that have their turn at once: each holds a connection to PostgreSQL."""


class Turns:
    """Takes turns on jobs, with whatever replica shares the database."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._seats = asyncio.Semaphore(_MOST)
        self._queues: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def of(self, job_id: int) -> AsyncIterator[None]:
        """Be the only one who works on this job at its Admin."""
        queue = self._queues.setdefault(job_id, asyncio.Lock())
        async with queue, self._seats, self._engine.connect() as connection:
            key = job_id & 0x7FFF_FFFF
            await connection.execute(_PATIENT)
            await connection.execute(select(func.pg_advisory_xact_lock(_LOCK, key)))
            try:
                yield
            finally:
                # that the lock is lost, too, undoes nothing of what the Admin has done
                with suppress(OSError, *STATEMENT_FAILED):
                    await connection.rollback()
