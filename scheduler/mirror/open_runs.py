"""Asks what became of runs that had no end when they were last seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg

from admin_bridge.console import AdminLog
from scheduler.mirror.group import Group
from scheduler.mirror.statements import sql

_MOST = 2000
_FEW = 20
"""So many are asked for one by one; for more, their stretch of the log is read."""
_GONE_AFTER = timedelta(minutes=5)
_UNKNOWN = 2**31 - 1
_LOST = "the Admin has this run no more"
_SHORTEST_S, _LONGEST_S, _PART_OF_AGE = 20.0, 3600.0, 0.2
"""When a run without an end is asked after again: the older it is, the later."""


class OpenRuns:
    """The runs of one group that have no end here."""

    def __init__(self, group: Group) -> None:
        self._group = group
        self._asked: dict[int, float] = {}
        """When each may be asked after again, by the id of its row."""

    def hurry(self) -> None:
        """Ask after all of them the next time."""
        self._asked.clear()
        self._group.watched.clear()

    async def ask(self, connection: asyncpg.Connection, *, limit_s: float) -> bool:
        """Ask after those that are not in the newest part of the log; whether any has changed."""
        rows = await self._due(connection)
        if not rows:
            return False
        group, since = self._group, _whole(rows[0]["trigger_time"])
        running = await group.reader.running(group.id, since)
        ended = [row for row in rows if row["admin_log_id"] not in running]
        self._note(rows)
        if len(ended) > _FEW:
            return await self._read_stretch(connection, ended, limit_s=limit_s)
        changed = False
        for row in ended:
            changed |= await self._ask_one(connection, row)
        return changed

    async def _due(self, connection: asyncpg.Connection) -> Sequence[Mapping[str, Any]]:
        group = self._group
        until = group.progress.logs_until
        if until is None:
            return []
        first = group.timing.now() - timedelta(days=group.section.open_days)
        rows = await connection.fetch(
            sql("open_runs"), group.place.cluster, group.id, first, until, _MOST
        )
        now = group.timing.elapsed()
        known = {row["id"] for row in rows}
        self._asked = {one: at for one, at in self._asked.items() if one in known}
        return [
            row
            for row in rows
            if self._asked.get(row["id"], 0.0) <= now
            and (row["revision"] > 0 or row["admin_log_id"] not in group.watched)
        ]

    def _note(self, rows: Sequence[Mapping[str, Any]]) -> None:
        timing = self._group.timing
        for row in rows:
            age_s = (timing.now() - row["trigger_time"]).total_seconds()
            pause_s = min(_LONGEST_S, max(_SHORTEST_S, age_s * _PART_OF_AGE))
            self._asked[row["id"]] = timing.elapsed() + pause_s

    async def _ask_one(self, connection: asyncpg.Connection, row: Mapping[str, Any]) -> bool:
        group = self._group
        at = row["trigger_time"]
        found = await group.reader.around(group.id, row["admin_job_id"], at)
        logs = [log for log in found or () if log.id == row["admin_log_id"]]
        if found is not None and not logs:
            logs = self._lost(row)
        return bool(await group.rows.merge(connection, logs, now=group.timing.now()))

    async def _read_stretch(
        self, connection: asyncpg.Connection, rows: Sequence[Mapping[str, Any]], *, limit_s: float
    ) -> bool:
        group, changed = self._group, False
        began = group.timing.elapsed()
        second = timedelta(seconds=1)
        start, end = _whole(rows[0]["trigger_time"]), _whole(rows[-1]["trigger_time"]) + second
        async for span, logs in group.reader.sweep(group.id, start, end):
            there = {log.id for log in logs}
            lost = [
                log
                for row in rows
                if span.since < row["trigger_time"] < span.until
                and row["admin_log_id"] not in there
                for log in self._lost(row)
            ]
            now = group.timing.now()
            changed |= bool(await group.rows.merge(connection, [*logs, *lost], now=now))
            if group.timing.elapsed() - began > limit_s:
                break
        return changed

    def _lost(self, row: Mapping[str, Any]) -> list[AdminLog]:
        """The end of a run that the Admin has forgotten; one of ours gets its end from its executor."""
        now = self._group.timing.now()
        if row["revision"] > 0 or now - row["trigger_time"] < _GONE_AFTER:
            return []
        return [
            AdminLog(
                id=row["admin_log_id"],
                group_id=self._group.id,
                job_id=row["admin_job_id"],
                address=row["executor_address"],
                handler=row["handler_name"],
                params=row["params"],
                shard_index=row["shard_index"],
                shard_total=row["shard_total"],
                retries_left=_UNKNOWN,
                triggered_at=row["trigger_time"],
                trigger_code=500,
                trigger_message=_LOST,
                handled_at=now.replace(microsecond=0),
                handle_code=0,
                handle_message="",
                alarm_status=0,
            )
        ]


def _whole(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(microsecond=0) - timedelta(seconds=1)
