"""A mail server that remembers what came, and a service that tells it of every failure."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import orjson
from aiosmtpd.controller import Controller

from bench.jobs import add_intervals
from bench.service import migrated, postgres, service
from executor.testing._ports import free_port

_NEVER_AGAIN_S = 86_400


@dataclass
class Mailbox:
    """Knows when each message came first, by its id, and how many mails came."""

    port: int = field(default_factory=free_port)
    came: dict[str, float] = field(default_factory=dict)
    mails: int = 0
    _door: Controller | None = None

    def open(self) -> None:
        """Take mails from now on."""
        self._door = Controller(self, hostname="127.0.0.1", port=self.port)
        self._door.start()

    def close(self) -> None:
        if self._door is not None:
            self._door.stop()
            self._door = None

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        head = envelope.content.partition(b"\r\n\r\n")[0].decode()
        name = "x-qooerp-message-id:"
        line = next(line for line in head.splitlines() if line.lower().startswith(name))
        self.came.setdefault(line[len(name) :].strip(), time.time())
        self.mails += 1
        return "250 taken"


@asynccontextmanager
async def mailing(mailbox: Mailbox, **settings: object) -> AsyncIterator[asyncpg.Connection]:
    """A service that sends to *mailbox* by its channel `mail`; its database."""
    mail = {
        "host": "127.0.0.1",
        "port": mailbox.port,
        "security": "none",
        "sender": "bench@example.com",
    }
    channel = {"name": "mail", "kind": "email", "settings": mail, "receivers": ["a@example.com"]}
    chosen: dict[str, Any] = {"alarms__channels": orjson.dumps([channel]).decode()} | settings
    try:
        async with postgres() as server, migrated(server) as sql:
            with service(server, **chosen):
                yield sql
    finally:
        mailbox.close()


def by_mail(**more: object) -> dict[str, object]:
    """The setting of a rule that tells all by mail."""
    rule = {"name": "all by mail", "targets": ["mail"]} | more
    return {"alarms__rules": orjson.dumps([rule]).decode()}


async def add_failing(
    sql: asyncpg.Connection, count: int, *, begin: datetime, apart: timedelta
) -> None:
    """*count* jobs that fail once each, *apart*."""
    await add_intervals(
        sql, count, every_s=_NEVER_AGAIN_S, begin=begin, apart=apart, handler="fails"
    )
