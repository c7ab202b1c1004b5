"""Whether PostgreSQL answers at all: a server that hangs refuses nobody, and all would wait for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import structlog

from scheduler.database import STATEMENT_FAILED, connect
from scheduler.engine.link import DatabaseAway
from scheduler.storage import Storage

_log = structlog.get_logger(__name__)
_EVERY_S = 1.0
_PATIENCE_S = 5.0
"""No healthy server takes so long for a `SELECT 1`, however busy it is."""


class Pulse:
    """Asks the server every second on a connection of its own, and says when it hangs.

    One that cannot be reached does not hang: whoever asks it hears so at once.
    """

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._connection: asyncpg.Connection | None = None
        self._hangs = False
        self._waiting: set[asyncio.Timeout] = set()

    def is_felt(self) -> bool:
        """Whether it is worth asking: the schema is there, and the server does not hang."""
        return self._storage.ready.is_set() and not self._hangs

    @asynccontextmanager
    async def patience(self) -> AsyncIterator[None]:
        """Do something with the database. Raise DatabaseAway when it is found to hang meanwhile."""
        limit = asyncio.timeout(None)
        try:
            async with limit:
                self._waiting.add(limit)
                try:
                    yield
                finally:
                    self._waiting.discard(limit)
        except TimeoutError as error:
            if limit.expired():
                raise DatabaseAway("it does not answer any more") from error
            raise

    async def run(self) -> None:
        """Look until cancelled."""
        try:
            await self._storage.ready.wait()
            while True:
                self._note(hangs=not await self._answers())
                await asyncio.sleep(_EVERY_S)
        finally:
            self._let_go()

    def _note(self, *, hangs: bool) -> None:
        if hangs and not self._hangs:
            _log.warning("postgresql_hangs")
        elif self._hangs and not hangs:
            _log.info("postgresql_answers_again")
        self._hangs = hangs
        if hangs:
            for limit in self._waiting:
                limit.reschedule(asyncio.get_running_loop().time())

    async def _answers(self) -> bool:
        """False: neither an answer nor a refusal has come."""
        try:
            async with asyncio.timeout(_PATIENCE_S):
                if self._connection is None:
                    self._connection = await connect(self._storage.dsn)
                await self._connection.execute("SELECT 1")
        except TimeoutError:
            self._let_go()
            return False
        except (OSError, *STATEMENT_FAILED):
            self._let_go()
        return True

    def _let_go(self) -> None:
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None
