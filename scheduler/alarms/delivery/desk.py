"""Where messages are written and handed to the sender of their channel."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from sqlalchemy.ext.asyncio import AsyncEngine

from executor.clock import Clock
from scheduler.alarms.delivery.apprise_sms import AppriseSms
from scheduler.alarms.delivery.channel import Channel
from scheduler.alarms.delivery.gateway import Gateway
from scheduler.alarms.delivery.in_site import InSite
from scheduler.alarms.delivery.letter import Letter, Sender, SendFailed
from scheduler.alarms.delivery.mail import Mail
from scheduler.alarms.delivery.robots import Dialect, DingTalk, Feishu, Robot, WeCom
from scheduler.alarms.delivery.wording import Wording
from scheduler.alarms.model import ChannelKind, Delivery, RaisedAlarm
from scheduler.alarms.routing import People
from scheduler.receivers import refused_receivers

if TYPE_CHECKING:
    from scheduler.alarms.in_force import InForce, Setup

_DIALECTS: Mapping[ChannelKind, Dialect] = {
    ChannelKind.DINGTALK: DingTalk(),
    ChannelKind.WECOM: WeCom(),
    ChannelKind.FEISHU: Feishu(),
}
_PERSONAL = {ChannelKind.EMAIL, ChannelKind.SMS}
"""Kinds that reach one person with each message."""
_GRACE_S = 2.0
"""Beyond the time that sending may take, which senders hold to: for parting from the other side."""


class Desk:
    """Writes and sends; nothing of it is kept."""

    def __init__(
        self, engine: AsyncEngine, force: InForce, *, people: People, clock: Clock
    ) -> None:
        self._force = force
        self._in_site = InSite(engine, people)
        self._clock = clock

    @property
    def wording(self) -> Wording:
        return self._force.now.wording

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
        language = channel.language or self._force.now.section.language
        rendered = self.wording.render(channel.kind, language, delivery, alarms)
        return Letter(delivery=delivery, alarms=alarms, rendered=rendered, receivers=receivers)

    async def send(self, channel: Channel, letter: Letter) -> str:
        """Send it within the time that is allowed; what the other side said. Raise SendFailed."""
        setup = self._force.now
        sender = self._sender(channel, setup)
        limit_s = setup.section.send_seconds
        try:
            async with asyncio.timeout(limit_s + _GRACE_S):
                return await sender.send(letter)
        except TimeoutError:
            raise SendFailed(f"no answer within {limit_s:g} s", retry=True) from None

    def _sender(self, channel: Channel, setup: Setup) -> Sender:
        settings, secrets = channel.settings, channel.secrets
        timeout_s, outside = setup.section.send_seconds, setup.outside
        match channel.kind:
            case ChannelKind.IN_SITE:
                return self._in_site
            case ChannelKind.EMAIL:
                return Mail(settings, secrets, timeout_s=timeout_s)
            case ChannelKind.SMS if settings.gateway == "apprise":
                return AppriseSms(secrets, timeout_s=timeout_s)
            case ChannelKind.SMS:
                return Gateway(settings.http, secrets, outside, self._clock)
            case ChannelKind.WEBHOOK:
                return Gateway(settings, secrets, outside, self._clock)
        dialect = _DIALECTS[channel.kind]
        return Robot(dialect, settings, secrets, outside=outside, clock=self._clock)


def split_off(channel: Channel, receivers: Sequence[str]) -> Sequence[str]:
    """Those who get a message of their own, beside the first."""
    return receivers[1:] if channel.kind in _PERSONAL else ()
