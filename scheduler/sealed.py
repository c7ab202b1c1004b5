"""Which secrets in the database the key at hand cannot open: the one that sealed them was left behind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import asyncpg

from scheduler.alarms.delivery.channel import opened
from scheduler.configs import revealed
from scheduler.database import SCHEMA
from scheduler.secret_box import SecretBox, Unsealable
from scheduler.settings import Settings

_CONFIGS = f"""\
SELECT job_id, config_key, config_value FROM {SCHEMA}.schedule_config
WHERE secret ORDER BY job_id, config_key
"""
_CHANNELS = f"""\
SELECT name, secrets FROM {SCHEMA}.schedule_alarm_channel WHERE secrets <> '' ORDER BY name
"""
_NAMED = 5


async def closed_secrets(connection: asyncpg.Connection, settings: Settings) -> Sequence[str]:
    """What people call those that cannot be opened; no key is made to find it out."""
    box = SecretBox.of(settings)
    seals = {
        f"config {key} of job {job_id}": partial(revealed, [(key, value, True)], job_id, box)
        for job_id, key, value in await connection.fetch(_CONFIGS)
    } | {
        f"alarm channel {name}": partial(opened, box, name, text)
        for name, text in await connection.fetch(_CHANNELS)
    }
    return [name for name, seal in seals.items() if not (box.has_key and _opens(seal))]


def said_of(closed: Sequence[str]) -> str:
    """A sentence about them."""
    more = f" and {len(closed) - _NAMED} more" if len(closed) > _NAMED else ""
    return f"the key at hand does not open {', '.join(closed[:_NAMED])}{more}"


def key_advice(settings: Settings) -> str:
    """What helps."""
    return (
        f"bring scheduler.secret_key, or else {settings.data_dir / 'secret.key'}, from the service"
        " that they are from, or set them anew"
    )


def _opens(seal: Callable[[], object]) -> bool:
    try:
        seal()
    except Unsealable:
        return False
    return True
