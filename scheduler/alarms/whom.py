"""Whether those whom rules tell can be told: their channels, users and jobs have to be there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, get_args

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from scheduler import job_store
from scheduler.alarms.delivery.channel import Channel
from scheduler.alarms.delivery.desk import Desk
from scheduler.alarms.delivery.letter import SendFailed
from scheduler.alarms.in_force import InForce
from scheduler.alarms.model import IN_SITE, ChannelKind
from scheduler.alarms.routing import ROLE, People
from scheduler.alarms.rule import NOBODY, Target
from scheduler.alarms.tables import schedule_alarm_channel, schedule_alarm_rule
from scheduler.refusal import Conflict, Invalid
from scheduler.sections import TokenSection

_ROLES = get_args(TokenSection.model_fields["role"].annotation)
_TARGETS = ("targets", "escalate_targets")
_MOST_NAMED = 5


class Whom:
    """Knows the channels, the users, and the rules that name them."""

    def __init__(
        self,
        force: InForce,
        *,
        desk: Desk,
        people: People,
    ) -> None:
        self._force = force
        self._desk = desk
        self._users = {user for users in people.by_role.values() for user in users}

    async def check(self, connection: AsyncConnection, rule: Mapping[str, Any]) -> None:
        """Raise Invalid for the first of a *rule* that is not there, naming the field.

        The channels that it names cannot be deleted until the end of the transaction.
        """
        job_id = rule["job_id"]
        if job_id is not None and await job_store.missing(connection, [job_id]):
            raise Invalid("job_id", f"there is no job {job_id}")
        for field in _TARGETS:
            targets = [Target.parse(text) for text in rule[field]]
            known = await self._known(connection, {target.channel for target in targets})
            for target in targets:
                if target.channel != NOBODY:
                    self._check(field, target, known.get(target.channel))

    async def refuse_named(self, connection: AsyncConnection, channel: str) -> None:
        """Raise Conflict while rules name *channel*: what they tell would reach nobody."""
        table = schedule_alarm_rule.c
        rows = await connection.execute(select(table.name, table.targets, table.escalate_targets))
        configured = self._force.now.section.rules
        told = {rule.name: [*rule.targets, *rule.escalate_targets] for rule in configured}
        told |= {name: [*one, *other] for name, one, other in rows}
        naming = sorted(name for name, targets in told.items() if _names(targets, channel))
        if naming:
            some = ", ".join(naming[:_MOST_NAMED])
            more = " …" * (len(naming) > _MOST_NAMED)
            raise Conflict(f"{len(naming)} alarm rules name it: {some}{more}")

    async def _known(
        self, connection: AsyncConnection, names: Iterable[str]
    ) -> Mapping[str, Channel]:
        table = schedule_alarm_channel.c
        query = select(table.name, table.kind, table.receivers).where(table.name.in_(names))
        rows = await connection.execute(query.with_for_update(read=True, key_share=True))
        return {
            IN_SITE: Channel(name=IN_SITE, kind=ChannelKind.IN_SITE),
            **{
                row.name: Channel(
                    name=row.name, kind=ChannelKind(row.kind), receivers=tuple(row.receivers)
                )
                for row in rows
            },
            **self._force.now.channels,
        }

    def _check(self, field: str, target: Target, channel: Channel | None) -> None:
        if channel is None:
            raise Invalid(field, f"there is no channel {target.channel!r}")
        if channel.kind is ChannelKind.IN_SITE and not self._is_user(target.receiver):
            raise Invalid(field, f"there is no user {target.receiver!r}: users are the tokens")
        try:
            self._desk.receivers(channel, target.receiver)
        except SendFailed as reason:
            raise Invalid(field, str(reason)) from None

    def _is_user(self, receiver: str) -> bool:
        if receiver.startswith(ROLE):
            return receiver.removeprefix(ROLE) in _ROLES
        return not receiver or receiver in self._users


def _names(targets: Sequence[str], channel: str) -> bool:
    return any(text.partition(":")[0].strip() == channel for text in targets)
