"""Where messages are written and handed to the sender of their channel."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

from sqlalchemy.ext.asyncio import AsyncEngine

from scheduler.alarm_settings import AlarmsSection
from scheduler.alarms.delivery.apprise_sms import AppriseSms
from scheduler.alarms.delivery.channel import Channel
from scheduler.alarms.delivery.in_site import InSite
from scheduler.alarms.delivery.letter import Letter, Sender, SendFailed
from scheduler.alarms.delivery.mail import Mail
from scheduler.alarms.delivery.wording import Wording
from scheduler.alarms.model import ChannelKind, Delivery, RaisedAlarm
from scheduler.alarms.routing import People
from scheduler.channel_kinds import refused_receivers

_PERSONAL = {ChannelKind.EMAIL, ChannelKind.SMS}
"""Kinds that reach one person with each message."""


class Desk:
    """Writes and sends; nothing of it is kept."""

    def __init__(
        self, engine: AsyncEngine, section: AlarmsSection, wording: Wording, people: People
    ) -> None:
        self.wording = wording
        self._section = section
        in_site = InSite(engine, people)
        limit_s = section.send_seconds
        self._senders: Mapping[ChannelKind, Callable[[Channel], Sender]] = {
            ChannelKind.IN_SITE: lambda _: in_site,
            ChannelKind.SMS: lambda channel: AppriseSms(channel.secrets, timeout_s=limit_s),
            ChannelKind.EMAIL: lambda channel: Mail(
                channel.settings, channel.secrets, timeout_s=limit_s
            ),
        }

    def receivers(self, channel: Channel, receiver: str) -> Sequence[str]:
        """Whom a message to *receiver* by *channel* reaches. Raise SendFailed."""
        named = [receiver] if receiver else list(dict.fromkeys(channel.receivers))
        if refused := refused_receivers(channel.kind, named):
            kind = channel.kind.value
            raise SendFailed(
                f"a channel of kind {kind} cannot reach {refused[0][:80]!r}", retry=False
            )
        if channel.kind in _PERSONAL and not named:
            raise SendFailed(f"channel {channel.name} names no receivers", retry=False)
        return named

    def write(
        self,
        channel: Channel,
        delivery: Delivery,
        alarms: Sequence[RaisedAlarm],
        *,
        receivers: Sequence[str],
    ) -> Letter:
        """The message in the language of its channel. Raise SendFailed."""
        if not alarms:
            raise SendFailed("its alarms have been deleted", retry=False)
        language = channel.language or self._section.language
        rendered = self.wording.render(channel.kind, language, delivery, alarms)
        return Letter(delivery=delivery, alarms=alarms, rendered=rendered, receivers=receivers)

    async def send(self, channel: Channel, letter: Letter) -> str:
        """Send it within the time that is allowed; what the other side said. Raise SendFailed."""
        sender = self._senders[channel.kind](channel)
        limit_s = self._section.send_seconds
        try:
            async with asyncio.timeout(limit_s):
                return await sender.send(letter)
        except TimeoutError:
            raise SendFailed(f"no answer within {limit_s:g} s", retry=True) from None


def split_off(channel: Channel, receivers: Sequence[str]) -> Sequence[str]:
    """Those who get a message of their own, beside the first."""
    return receivers[1:] if channel.kind in _PERSONAL else ()
