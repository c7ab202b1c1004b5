"""Alarm rules as people write them: read, made, changed and deleted, each change audited."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import RowMapping, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from scheduler import audit
from scheduler.alarms.model import AlarmType, Level
from scheduler.alarms.rule import GroupBy, rule_of_row
from scheduler.alarms.tables import schedule_alarm_rule
from scheduler.alarms.whom import Whom
from scheduler.changes import announce
from scheduler.refusal import Conflict, Invalid, NotFound


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRule:
    """A row of `schedule_alarm_rule`."""

    id: int
    name: str
    enabled: bool
    priority: int
    job_id: int | None
    job_group: str | None
    alarm_types: Sequence[AlarmType]
    min_level: Level
    set_level: Level | None
    targets: Sequence[str]
    group_by: GroupBy
    window_seconds: int
    quiet_from: time | None
    quiet_to: time | None
    quiet_zone: str
    quiet_level: str
    escalate_after_seconds: int
    escalate_targets: Sequence[str]
    every_attempt: bool
    late_seconds: int | None
    deadline_seconds: int | None
    description: str
    version: int
    create_time: datetime
    update_time: datetime


class RuleService:
    """The rules of the database; every replica follows a change within a second."""

    def __init__(self, engine: AsyncEngine, whom: Whom, *, timezone: str) -> None:
        self._engine = engine
        self._whom = whom
        self.zone = ZoneInfo(timezone)

    async def all(self) -> Sequence[StoredRule]:
        """Every rule, in the order in which they have their say."""
        table = schedule_alarm_rule
        query = select(table).order_by(table.c.priority, table.c.name)
        async with self._engine.connect() as connection:
            return [_rule(row) for row in (await connection.execute(query)).mappings()]

    async def get(self, rule_id: int) -> StoredRule:
        """The rule of this id. Raise NotFound."""
        async with self._engine.connect() as connection:
            return await _find(connection, rule_id)

    async def create(self, values: Mapping[str, Any]) -> StoredRule:
        """Make a rule of *values*, by the names of StoredRule. Raise Invalid, Conflict."""
        self._check(values)
        try:
            async with self._engine.begin() as connection:
                await self._whom.check(connection, values)
                made = insert(schedule_alarm_rule).values(**values)
                row = await connection.execute(made.returning(schedule_alarm_rule))
                rule = _rule(row.mappings().one())
                await _note(connection, "create", rule)
        except IntegrityError as error:
            raise _taken(values["name"]) from error
        return rule

    async def update(self, rule_id: int, values: Mapping[str, Any], *, version: int) -> StoredRule:
        """Make the rule what *values* say, if it is still as it was read at *version*.

        Raises NotFound, Invalid, and Conflict when somebody else was faster, or has the name.
        """
        self._check(values)
        table = schedule_alarm_rule
        try:
            async with self._engine.begin() as connection:
                old = await _find(connection, rule_id, lock=True)
                if old.version != version:
                    raise Conflict(f"version {version} was read, {old.version} is there by now")
                await self._whom.check(connection, values)
                changed = {**values, "version": version + 1, "update_time": func.now()}
                query = update(table).where(table.c.id == rule_id).values(**changed)
                row = await connection.execute(query.returning(table))
                rule = _rule(row.mappings().one())
                await _note(connection, "update", rule)
        except IntegrityError as error:
            raise _taken(values["name"]) from error
        return rule

    async def delete(self, rule_id: int) -> None:
        """Delete the rule. Raise NotFound."""
        async with self._engine.begin() as connection:
            rule = await _find(connection, rule_id, lock=True)
            await connection.execute(
                delete(schedule_alarm_rule).where(schedule_alarm_rule.c.id == rule_id)
            )
            await _note(connection, "delete", rule)

    def _check(self, values: Mapping[str, Any]) -> None:
        if (values["quiet_from"] is None) != (values["quiet_to"] is None):
            raise Invalid("quiet_to", "quiet hours need both a begin and an end")
        if values["escalate_after_seconds"] and not values["escalate_targets"]:
            raise Invalid("escalate_targets", "nobody is named whom to tell then")
        try:
            rule_of_row(values, self.zone.key)
        except ValueError as reason:
            field = "quiet_zone" if "zone" in str(reason) else "targets"
            raise Invalid(field, str(reason)) from None


def _taken(name: str) -> Conflict:
    return Conflict(f"there is a rule {name!r} already")


async def _find(connection: AsyncConnection, rule_id: int, *, lock: bool = False) -> StoredRule:
    table = schedule_alarm_rule
    query = select(table).where(table.c.id == rule_id)
    row = (await connection.execute(query.with_for_update() if lock else query)).mappings()
    found = row.one_or_none()
    if found is None:
        raise NotFound("alarm rule", rule_id)
    return _rule(found)


async def _note(connection: AsyncConnection, action: str, rule: StoredRule) -> None:
    detail = {"name": rule.name}
    await audit.record(connection, action, subject="alarm rule", subject_id=rule.id, detail=detail)
    await announce(connection, "alarm_rule", rule.id)


def _rule(row: RowMapping) -> StoredRule:
    kinds = {
        "alarm_types": [AlarmType(one) for one in row["alarm_types"]],
        "min_level": Level(row["min_level"]),
        "set_level": Level(row["set_level"]) if row["set_level"] else None,
        "group_by": GroupBy(row["group_by"]),
    }
    return StoredRule(**{f.name: kinds.get(f.name, row[f.name]) for f in fields(StoredRule)})
