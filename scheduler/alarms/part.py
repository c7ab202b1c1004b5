"""The alarms of a service, made from its settings."""

from __future__ import annotations

from scheduler.alarms.routing import People
from scheduler.alarms.service import Alarms
from scheduler.engine.identity import replica_id
from scheduler.sections import TokenSection
from scheduler.settings import Settings
from scheduler.storage import Storage

_PRINTED = "printed"
"""The name of the token that is made where none is configured; it is an admin's."""


def alarms_of(settings: Settings, storage: Storage, zone: str) -> Alarms:
    """What finds problems and keeps them; *zone* is the service's."""
    return Alarms(
        storage.engine,
        settings.alarms,
        owner=replica_id(settings.data_dir),
        zone=zone,
        people=people_of(settings.scheduler.tokens),
        ready=storage.ready,
    )


def people_of(tokens: list[TokenSection]) -> People:
    """Users are the tokens, by the roles that they have."""
    by_role: dict[str, list[str]] = {} if tokens else {"admin": [_PRINTED]}
    for token in tokens:
        by_role.setdefault(token.role, []).append(token.name)
    return People(by_role)
