"""The rules that are in force: those of the configuration and those of the database."""

from __future__ import annotations

import time

import asyncpg
import structlog

from scheduler.alarms.in_force import InForce
from scheduler.alarms.rule import Rule, Rules, rule_of_row
from scheduler.alarms.statements import sql

_log = structlog.get_logger(__name__)
_READ_EVERY_S = 5.0


class Rulebook:
    """Reads the database's rules now and then, and when they were changed."""

    def __init__(self, force: InForce, zone: str) -> None:
        """*zone* is the service's."""
        self._force = force
        self._zone = zone
        self._stored: list[Rule] = []
        self._read_at: float | None = None
        self._refused: set[str] = set()

    def forget(self, _changed: int | None = None) -> None:
        """They were changed: read them before they are used again."""
        self._read_at = None

    async def refresh(self, connection: asyncpg.Connection) -> Rules:
        """The rules as they are now, or were a moment ago."""
        now = time.monotonic()
        if self._read_at is None or now - self._read_at >= _READ_EVERY_S:
            self._read_at = now
            rows = await connection.fetch(sql("rules"))
            self._stored = [rule for row in rows if (rule := self._rule_of(row)) is not None]
        return Rules.of([*self._force.now.rules, *self._stored])

    def _rule_of(self, row: asyncpg.Record) -> Rule | None:
        try:
            return rule_of_row(row, self._zone)
        except ValueError as reason:
            if row["name"] not in self._refused:
                self._refused.add(row["name"])
                _log.warning("alarm_rule_unusable", rule=row["name"], reason=str(reason))
            return None
