"""A channel as it is used: from the configuration, from the database, or the one that is always there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import asyncpg
import orjson

from scheduler.alarm_settings import AlarmChannelSection
from scheduler.alarms.delivery.letter import SendFailed
from scheduler.alarms.model import IN_SITE, ChannelKind
from scheduler.alarms.statements import sql
from scheduler.channel_kinds import NoSettings, Unfit, check_channel
from scheduler.secret_box import SecretBox, Unsealable

if TYPE_CHECKING:
    from scheduler.alarms.in_force import InForce


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """A way to reach people."""

    name: str
    kind: ChannelKind
    enabled: bool = True
    language: str = ""
    """Empty: the usual one."""
    settings: Any = field(default_factory=NoSettings)
    """The model of its kind in `scheduler.channel_kinds`."""
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    receivers: Sequence[str] = ()


class Channels:
    """Finds channels by their names; a configured one goes before one of the database."""

    def __init__(self, force: InForce, box: SecretBox) -> None:
        self._force = force
        self._box = box

    @property
    def configured(self) -> Mapping[str, Channel]:
        """Those of the configuration, by their names."""
        return self._force.now.channels

    async def find(self, connection: asyncpg.Connection, name: str) -> Channel:
        """The channel of this name, as it is now. Raise SendFailed where it cannot be used."""
        if (channel := self.configured.get(name)) is not None:
            return _enabled(channel)
        row = await connection.fetchrow(sql("channel"), name)
        if row is not None:
            return _enabled(self.stored(row))
        if name == IN_SITE:
            return Channel(name=IN_SITE, kind=ChannelKind.IN_SITE)
        raise SendFailed(f"there is no channel {name!r}", retry=True)

    def stored(self, row: Mapping[str, Any]) -> Channel:
        """The channel in a row of `schedule_alarm_channel`. Raise SendFailed."""
        kind = ChannelKind(row["kind"])
        try:
            secrets = opened(self._box, row["name"], row["secrets"])
            settings, secrets = check_channel(kind, row["settings"], secrets)
        except (Unfit, Unsealable) as reason:
            raise SendFailed(f"channel {row['name']}: {reason}", retry=True) from None
        return Channel(
            name=row["name"],
            kind=kind,
            enabled=row["enabled"],
            language=row["language"],
            settings=settings,
            secrets=secrets,
            receivers=tuple(row["receivers"]),
        )


def sealed(box: SecretBox, name: str, secrets: Mapping[str, str]) -> str:
    """The secrets of the channel *name*, as the database keeps them."""
    return box.seal(orjson.dumps(dict(secrets)).decode(), _place(name)) if secrets else ""


def opened(box: SecretBox, name: str, text: str) -> dict[str, str]:
    """What was sealed. Raise Unsealable."""
    return dict(orjson.loads(box.open(text, _place(name)))) if text else {}


def _place(name: str) -> str:
    return f"alarm channel {name}"


def _enabled(channel: Channel) -> Channel:
    if not channel.enabled:
        raise SendFailed(f"channel {channel.name} is switched off", retry=False)
    return channel


def configured(section: AlarmChannelSection) -> Channel:
    """A channel of the configuration. Raise ValueError."""
    settings, secrets = check_channel(section.kind, section.settings, section.opened())
    return Channel(
        name=section.name,
        kind=ChannelKind(section.kind),
        enabled=section.enabled,
        language=section.language,
        settings=settings,
        secrets=secrets,
        receivers=tuple(section.receivers),
    )
