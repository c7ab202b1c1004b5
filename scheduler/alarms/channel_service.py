"""Channels as people make them: read, made, changed, deleted and tried out, each change audited."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import RowMapping, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from executor.clock import Clock, moment
from scheduler import audit
from scheduler.alarms.delivery.channel import Channels, opened, sealed
from scheduler.alarms.delivery.desk import Desk
from scheduler.alarms.delivery.letter import Rendered, SendFailed
from scheduler.alarms.model import (
    IN_SITE,
    ChannelKind,
    Purpose,
)
from scheduler.alarms.rule import NOBODY
from scheduler.alarms.sample import delivery_of, example, trial
from scheduler.alarms.tables import schedule_alarm_channel
from scheduler.alarms.whom import Whom
from scheduler.channel_kinds import Unfit, check_new, shown_settings
from scheduler.job_store import MASK
from scheduler.refusal import Conflict, Invalid, NotFound
from scheduler.secret_box import SecretBox, Unsealable


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredChannel:
    """A row of `schedule_alarm_channel`, its secrets masked."""

    id: int
    name: str
    kind: ChannelKind
    enabled: bool
    language: str
    settings: Mapping[str, Any]
    secrets: Mapping[str, str]
    receivers: Sequence[str]
    description: str
    version: int
    create_time: datetime
    update_time: datetime


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of sending a test message."""

    delivered: bool
    answer: str
    """What the other side said, or what went wrong."""
    problems: Sequence[str] = field(default=())


class ChannelService:
    """The channels of the database; every replica uses a change with the next message."""

    def __init__(
        self,
        engine: AsyncEngine,
        box: SecretBox,
        channels: Channels,
        *,
        desk: Desk,
        whom: Whom,
        clock: Clock,
    ) -> None:
        self._engine = engine
        self._whom = whom
        self._box = box
        self._channels = channels
        self._desk = desk
        self._clock = clock

    async def all(self) -> Sequence[StoredChannel]:
        """Every channel, by name."""
        query = select(schedule_alarm_channel).order_by(schedule_alarm_channel.c.name)
        async with self._engine.connect() as connection:
            return [self._told(row) for row in (await connection.execute(query)).mappings()]

    async def get(self, channel_id: int) -> StoredChannel:
        """The channel of this id. Raise NotFound."""
        async with self._engine.connect() as connection:
            return self._told(await _find(connection, channel_id))

    async def create(self, values: Mapping[str, Any]) -> StoredChannel:
        """Make a channel of *values*, by the names of StoredChannel. Raise Invalid, Conflict."""
        stored = self._fit(values, {})
        try:
            async with self._engine.begin() as connection:
                made = insert(schedule_alarm_channel).values(**stored)
                row = await connection.execute(made.returning(schedule_alarm_channel))
                channel = self._told(row.mappings().one())
                await _note(connection, "create", channel)
        except IntegrityError as error:
            raise _taken(values["name"]) from error
        return channel

    async def update(
        self, channel_id: int, values: Mapping[str, Any], *, version: int
    ) -> StoredChannel:
        """Make the channel what *values* say; a masked secret stays as it is.

        Raises NotFound, Invalid, and Conflict when somebody else was faster, has the name, or has
        rules that name it otherwise.
        """
        table = schedule_alarm_channel
        try:
            async with self._engine.begin() as connection:
                old = await _find(connection, channel_id, lock=True)
                if old["version"] != version:
                    raise Conflict(f"version {version} was read, {old['version']} is there by now")
                if old["name"] != values["name"]:
                    await self._whom.refuse_named(connection, old["name"])
                stored = self._fit(values, self._opened(old))
                changed = {**stored, "version": version + 1, "update_time": func.now()}
                query = update(table).where(table.c.id == channel_id).values(**changed)
                row = await connection.execute(query.returning(table))
                channel = self._told(row.mappings().one())
                await _note(connection, "update", channel)
        except IntegrityError as error:
            raise _taken(values["name"]) from error
        return channel

    async def delete(self, channel_id: int) -> None:
        """Delete the channel. Raise NotFound, and Conflict while rules name it."""
        table = schedule_alarm_channel
        async with self._engine.begin() as connection:
            channel = self._told(await _find(connection, channel_id, lock=True))
            await self._whom.refuse_named(connection, channel.name)
            await connection.execute(delete(table).where(table.c.id == channel_id))
            await _note(connection, "delete", channel)

    async def test(self, channel_id: int, receiver: str) -> Trial:
        """Send a test message to *receiver*, or to the first whom the channel names; audited.

        Raises NotFound.
        """
        async with self._engine.begin() as connection:
            row = await _find(connection, channel_id)
            await _note(connection, "test", self._told(row))
        try:
            channel = self._channels.stored(dict(row))
            receivers = self._desk.receivers(channel, receiver)[:1]
            now = moment(self._clock.now_ms())
            delivery = delivery_of(
                uuid4(), Purpose.TEST, channel=channel.name, receivers=receivers, now=now
            )
            letter = self._desk.write(channel, delivery, [trial(now)], receivers=receivers)
            answer = await self._desk.send(channel, letter)
        except SendFailed as failed:
            return Trial(delivered=False, answer=str(failed))
        return Trial(delivered=True, answer=answer, problems=_problems(letter.rendered))

    def preview(self, kind: ChannelKind, language: str) -> Rendered:
        """What a message of this kind looks like, of a job that is not there."""
        now = moment(self._clock.now_ms())
        delivery = delivery_of(uuid4(), Purpose.ALARM, channel="preview", receivers=(), now=now)
        return self._desk.wording.render(kind, language, delivery, [example(now)])

    def templates(self) -> Mapping[str, Mapping[str, Sequence[str]]]:
        """By kind and language, the templates that the folder replaces."""
        return self._desk.wording.names()

    def _fit(self, values: Mapping[str, Any], known: Mapping[str, str]) -> dict[str, Any]:
        """The row of *values*, checked and sealed. Raise Invalid, Conflict."""
        name, kind = values["name"], ChannelKind(values["kind"])
        if name == NOBODY or (name == IN_SITE and kind is not ChannelKind.IN_SITE):
            raise Invalid("channel_name", f"{name} means something else")
        if name in self._channels.configured:
            raise Conflict(f"the configuration has a channel {name!r}")
        kept = {
            key: known[key] if value == MASK and key in known else value
            for key, value in values["secrets"].items()
        }
        if MASK in kept.values():
            raise Invalid("secrets", f"{MASK} stands for a secret: give the value itself")
        try:
            settings, secrets = check_new(kind, values["settings"], kept, values["receivers"])
        except Unfit as unfit:
            raise Invalid(unfit.field, unfit.rule) from None
        return {
            **values,
            "kind": kind.value,
            "settings": settings.model_dump(mode="json", exclude_unset=True),
            "secrets": sealed(self._box, name, secrets),
            "receivers": list(values["receivers"]),
        }

    def _opened(self, row: RowMapping) -> dict[str, str]:
        try:
            return opened(self._box, row["name"], row["secrets"])
        except Unsealable:
            return {}  # made with another key: they have to be given anew

    def _told(self, row: RowMapping) -> StoredChannel:
        values = {
            "kind": ChannelKind(row["kind"]),
            "settings": shown_settings(row["kind"], row["settings"]),
            "secrets": dict.fromkeys(self._opened(row), MASK),
        }
        return StoredChannel(**{**row, **values})


def _problems(rendered: Rendered) -> Sequence[str]:
    return [rendered.problem] if rendered.problem else []


def _taken(name: str) -> Conflict:
    return Conflict(f"there is a channel {name!r} already")


async def _find(connection: AsyncConnection, channel_id: int, *, lock: bool = False) -> RowMapping:
    table = schedule_alarm_channel
    query = select(table).where(table.c.id == channel_id)
    rows = (await connection.execute(query.with_for_update() if lock else query)).mappings()
    found = rows.one_or_none()
    if found is None:
        raise NotFound("alarm channel", channel_id)
    return found


async def _note(connection: AsyncConnection, action: str, channel: StoredChannel) -> None:
    detail = {"name": channel.name, "kind": channel.kind.value}
    subject = "alarm channel"
    await audit.record(connection, action, subject=subject, subject_id=channel.id, detail=detail)
