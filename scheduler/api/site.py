"""Everything that port 8100 answers, built from the parts that it is about."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from aiohttp import web

from executor.clock import Clock
from scheduler.api.app import build
from scheduler.api.auth import Tokens
from scheduler.health import Health
from scheduler.settings import TokenSection
from scheduler.storage import Storage


class Site:
    """The port's application, and the token that was made for it if none was configured."""

    def __init__(
        self,
        *,
        groups: Sequence[object],
        storage: Storage,
        health: Health,
        tokens: Sequence[TokenSection],
        clock: Clock,
    ) -> None:
        known = Tokens(tokens, clock)
        self.made_token = known.made
        self.application = build(groups, known, storage.ready.is_set)
        self.application.router.add_get("/health", health.answer)
        self.application.freeze()

    async def listen(self, host: str, port: int) -> int:
        """Serve; the port, for those who asked for port 0. Raise OSError."""
        self._runner = web.AppRunner(
            self.application, access_log=None, keepalive_timeout=90, max_line_size=16 * 1024
        )
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port).start()
        bound: int = self._runner.addresses[0][1]
        return bound

    async def close(self) -> None:
        await self._runner.cleanup()

    def print_token(self) -> None:
        """Tell the person at the terminal, and no log, the token that was made."""
        if self.made_token:
            sys.stderr.write(
                "no scheduler.tokens are set; until the end of this process, on this machine:\n"
                f"  Authorization: Bearer {self.made_token}\n"
            )
            sys.stderr.flush()
