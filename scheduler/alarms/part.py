"""The alarms of a service, and what sends them, made from its settings."""

from __future__ import annotations

from executor.clock import Clock
from scheduler.alarms.delivery.channel import Channels
from scheduler.alarms.delivery.desk import Desk
from scheduler.alarms.delivery.outbox import Outbox
from scheduler.alarms.in_force import InForce
from scheduler.alarms.routing import People
from scheduler.alarms.service import Alarms
from scheduler.engine.identity import replica_id
from scheduler.pools import Load
from scheduler.sections import TokenSection
from scheduler.settings import Settings
from scheduler.storage import Storage

_PRINTED = "printed"
"""The name of the token that is made where none is configured; it is an admin's."""


def alarms_of(settings: Settings, storage: Storage, force: InForce, zone: str) -> Alarms:
    """What finds problems and keeps them; *zone* is the service's."""
    return Alarms(
        storage.engine,
        force,
        owner=replica_id(settings.data_dir),
        zone=zone,
        people=people_of(settings.scheduler.tokens),
        ready=storage.ready,
    )


def desk_of(settings: Settings, storage: Storage, force: InForce, clock: Clock) -> Desk:
    """What writes messages and sends them."""
    people = people_of(settings.scheduler.tokens)
    return Desk(storage.engine, force, people=people, clock=clock)


def outbox_of(
    settings: Settings,
    storage: Storage,
    force: InForce,
    *,
    desk: Desk,
    channels: Channels,
    load: Load,
) -> Outbox:
    """What sends what is owed; *load* is its part of the monitor."""
    return Outbox(
        storage.engine,
        force,
        owner=replica_id(settings.data_dir),
        workers=settings.engine.notify_workers,
        desk=desk,
        channels=channels,
        load=load,
        ready=storage.ready,
    )


def people_of(tokens: list[TokenSection]) -> People:
    """Users are the tokens, by the roles that they have."""
    by_role: dict[str, list[str]] = {} if tokens else {"admin": [_PRINTED]}
    for token in tokens:
        by_role.setdefault(token.role, []).append(token.name)
    return People(by_role)
