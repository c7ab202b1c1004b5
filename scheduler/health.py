"""`GET /health`: whether the service works, and which part of it does not."""

from __future__ import annotations

import orjson
from aiohttp import web

from executor.app import ExecutorApp
from scheduler.pools import executions
from scheduler.storage import Storage


class Health:
    """Answers load balancers, Nacos and people; no token is needed, nothing secret is told."""

    def __init__(self, storage: Storage, executor: ExecutorApp | None) -> None:
        self._storage = storage
        self._executor = executor

    async def answer(self, _request: web.Request) -> web.Response:
        """200 while runs are accepted and recorded; 503 when one of both does not work."""
        parts = {"postgresql": await self._storage.takes()}
        if self._executor is not None:
            parts["journal"] = not self._executor.journal.failure
        up = all(parts.values())
        body = {
            "status": "UP" if up else "DOWN",
            "components": {name: "UP" if works else "DOWN" for name, works in parts.items()},
            "executor": self._load(),
        }
        return web.Response(
            body=orjson.dumps(body), status=200 if up else 503, content_type="application/json"
        )

    def _load(self) -> dict[str, object] | None:
        if self._executor is None:
            return None
        zombies = len(self._executor.dispatcher.zombies())
        return {"pools": executions(self._executor), "zombies": zombies}
