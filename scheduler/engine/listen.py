"""Hears at once what other replicas have changed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from executor.outbox import pause_s
from scheduler.changes import CHANNEL
from scheduler.engine.link import DatabaseAway, lent

_log = structlog.get_logger(__name__)
_PROBE_S = 10.0
_LONGEST_PAUSE_S = 2.0

Heard = Callable[[int | None], None]
"""Takes the id of what has changed; None: anything may have, while nobody listened."""


class Listener:
    """Listens until cancelled; a lost connection is made anew."""

    def __init__(self, database: AsyncEngine) -> None:
        self._database = database
        self._heard: dict[str, list[Heard]] = {}
        self.listening = asyncio.Event()

    def subscribe(self, kind: str, heard: Heard) -> None:
        """Have *heard* called with each change of *kind*: job, kill, config."""
        self._heard.setdefault(kind, []).append(heard)

    async def run(self) -> None:
        failures = 0
        while True:
            try:
                await self._listen()
            except DatabaseAway as reason:
                failures = 0 if self.listening.is_set() else failures + 1
                _log.info("listening_lost", reason=str(reason))
            self.listening.clear()
            await asyncio.sleep(min(pause_s(failures + 1), _LONGEST_PAUSE_S))

    async def _listen(self) -> None:
        async with lent(self._database) as connection:
            lost = asyncio.Event()
            connection.add_termination_listener(lambda _: lost.set())
            await connection.add_listener(CHANNEL, self._told)
            self.listening.set()
            self._tell_all()
            while not lost.is_set():  # what ends this ends the connection, too
                await _wait(lost)
                await connection.execute("SELECT 1")

    def _told(self, _connection: Any, _pid: int, _channel: str, payload: str) -> None:
        try:
            message = json.loads(payload)
            kind, changed = str(message["kind"]), int(message["id"])
        except (ValueError, TypeError, KeyError):
            _log.warning("strange_notification", payload=payload[:200])
            return
        for heard in self._heard.get(kind, ()):
            heard(changed)

    def _tell_all(self) -> None:
        for each in self._heard.values():
            for heard in each:
                heard(None)


async def _wait(lost: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(_PROBE_S):
            await lost.wait()
    except TimeoutError:
        return
