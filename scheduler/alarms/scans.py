"""What one replica looks for in the tables, for all: each look a transaction, found alarms kept in it."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable
from datetime import timedelta

import asyncpg

from scheduler.alarm_settings import AlarmsSection
from scheduler.alarms import nodes, watching
from scheduler.alarms.events import given_up
from scheduler.alarms.model import Alarm, AlarmType, Level
from scheduler.alarms.rule import Rules
from scheduler.alarms.statements import sql
from scheduler.alarms.store import Keeper

_MOST = 500
_MOST_OPEN = 5_000
_PACE_RUNS = 200
"""Of so many newest successful runs the percentile is taken."""
_PACE_S = 600.0
"""So long it holds."""
_PACES_AT_ONCE = 200
_AHEAD_S = 60
"""How long before their time the Admins' next times are noted: the mirror changes them later."""
_UNASKED_S = 300
"""So long a mirror that has not looked is waited for, beside `missed_seconds`."""
_EARLY_S = 3
"""An Admin fires a little before or after its own time."""
_UNLISTED_S = 50
"""So long an executor is missing at least before it is gone: at two looks of the mirror. An Admin that was
away lists nobody for up to a minute."""
_OVER = "its rule gives no more times"

Look = Callable[[asyncpg.Connection], Awaitable[Iterable[Alarm]]]


class Scans:
    """Looks, each given a connection in a transaction, and each cheap however big the tables are."""

    def __init__(self, section: AlarmsSection, zone: str) -> None:
        """*zone* is the service's: times that belong to no job are told in it."""
        self.go_by(section)
        self._zone = zone
        self._paces: dict[int, tuple[float, int | None]] = {}
        """By job: when it was taken, and the percentile in milliseconds."""
        self.rules = Rules()
        self.overdue_seen = False
        """At the last look, due times had passed without a run."""

    def go_by(self, section: AlarmsSection) -> None:
        """Look for what *section* says from now on."""
        self._section = section
        self._patience = watching.Patience(
            late=timedelta(seconds=section.late_seconds),
            deadline=timedelta(seconds=section.deadline_seconds),
            slow_factor=section.slow_factor,
            slow=timedelta(seconds=section.slow_seconds),
        )

    @property
    def often(self) -> list[Look]:
        """Every second."""
        return [self.recovered, self.waiting, self.running]

    @property
    def seldom(self) -> list[Look]:
        """Every few seconds, by who has been there all the time: these judge what is absent."""
        replicas, others = [self.gone, self.back], [self.unlisted, self.listed]
        return [self.overdue, self.aside, self.stuck, *replicas, *others, self.expected]

    async def recovered(self, connection: asyncpg.Connection) -> Iterable[Alarm]:
        return watching.recovered(await connection.fetch(sql("recovered")))

    async def waiting(self, connection: asyncpg.Connection) -> Iterable[Alarm]:
        least = self.rules.least_late(self._patience.late).total_seconds()
        rows = await connection.fetch(sql("waiting"), least, _MOST)
        return watching.still_waiting(rows, self.rules, self._patience)

    async def running(self, connection: asyncpg.Connection) -> Iterable[Alarm]:
        least = self.rules.least_running(self._patience.slow, self._patience.deadline)
        rows = await connection.fetch(sql("running"), least.total_seconds(), _MOST_OPEN)
        old = [row for row in rows if row["took"] >= self._patience.slow]
        p95_ms = await self._p95(connection, {row["job_id"] for row in old})
        return [
            *watching.past_deadline(rows, self.rules, self._patience),
            *watching.slow(old, p95_ms, self._patience),
        ]

    async def overdue(self, connection: asyncpg.Connection) -> Iterable[Alarm]:
        rows = await connection.fetch(sql("overdue"), self._section.missed_seconds)
        self.overdue_seen = bool(rows)
        return map(given_up, rows)

    async def aside(self, connection: asyncpg.Connection) -> Iterable[Alarm]:
        return watching.aside(await connection.fetch(sql("aside"), _OVER, _MOST))

    async def stuck(self, connection: asyncpg.Connection) -> Iterable[Alarm]:
        limit = self._section.queue_stuck_seconds
        return watching.stuck(await connection.fetch(sql("stuck"), limit, _MOST))

    async def gone(self, connection: asyncpg.Connection) -> Iterable[Alarm]:
        limit = self._section.executor_gone_seconds
        return watching.gone(await connection.fetch(sql("gone"), limit), self._zone)

    async def back(self, connection: asyncpg.Connection) -> Iterable[Alarm]:
        return watching.back(
            await connection.fetch(sql("back"), self._section.executor_gone_seconds)
        )

    async def unlisted(self, connection: asyncpg.Connection) -> Iterable[Alarm]:
        limits = (max(self._section.executor_gone_seconds, _UNLISTED_S), _MOST)
        executors = await connection.fetch(sql("vanished"), *limits)
        groups = await connection.fetch(sql("emptied"), *limits)
        return nodes.gone([*executors, *groups], self._zone)

    async def listed(self, connection: asyncpg.Connection) -> Iterable[Alarm]:
        return nodes.back(await connection.fetch(sql("listed")))

    async def expected(self, connection: asyncpg.Connection) -> Iterable[Alarm]:
        missed = self._section.missed_seconds
        await connection.execute(sql("rescheduled"))
        await connection.execute(sql("expect"), _AHEAD_S)
        rows = await connection.fetch(sql("unexpect"), missed, missed + _UNASKED_S, _EARLY_S)
        return map(given_up, rows)

    async def _p95(
        self, connection: asyncpg.Connection, job_ids: set[int]
    ) -> dict[int, int | None]:
        now = time.monotonic()
        old = [
            job
            for job in sorted(job_ids)
            if self._paces.get(job, (-_PACE_S, 0))[0] <= now - _PACE_S
        ]
        if old[:_PACES_AT_ONCE]:
            asked = old[:_PACES_AT_ONCE]
            rows = await connection.fetch(sql("paces"), asked, _PACE_RUNS)
            known = {
                row["job_id"]: row["p95_ms"] for row in rows if row["runs"] >= watching.FEWEST_RUNS
            }
            self._paces.update({job: (now, known.get(job)) for job in asked})
        return {job: self._paces[job][1] for job in job_ids if job in self._paces}


async def escalate(connection: asyncpg.Connection, keeper: Keeper) -> int:
    """Tell others of what nobody has handled in time; how many alarms that were."""
    rows = await connection.fetch(sql("escalate"), _MOST)
    now = await connection.fetchval("SELECT now()")
    owed = [
        (send, row["id"])
        for row in rows
        for send in keeper.router.escalate(_alarm_of(row), row["rule"], now)
    ]
    await keeper.owe(connection, owed, now)
    return len(rows)


def _alarm_of(row: asyncpg.Record) -> Alarm:
    return Alarm(
        type=AlarmType(row["notify_type"]),
        level=Level(row["level"]),
        title=row["title"],
        dedup_key=row["dedup_key"] or f"notify/{row['id']}",
        key=row["group_key"],
        job_id=row["job_id"],
    )
