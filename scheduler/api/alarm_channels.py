"""The endpoints of alarm channels and of the templates of their messages."""

from __future__ import annotations

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from scheduler.alarms.channel_service import ChannelService, StoredChannel
from scheduler.api.channel_shapes import (
    ChannelChange,
    ChannelGiven,
    ChannelPath,
    ChannelTold,
    PreviewTold,
    TemplatePath,
    TemplateQuery,
    TemplateTold,
    TrialTold,
    Try,
)
from scheduler.api.endpoint import Role, delete, get, post, put


class AlarmChannels:
    """Alarm channels: ways to reach people, and what their messages look like."""

    def __init__(self, channels: ChannelService, *, timezone: str) -> None:
        self._channels = channels
        self._zone = ZoneInfo(timezone)

    @get("/alarm-channels")
    async def find(self) -> Sequence[ChannelTold]:
        """List the channels of the database, by name."""
        return [self._told(channel) for channel in await self._channels.all()]

    @post("/alarm-channels", role=Role.ADMIN)
    async def create(self, body: ChannelGiven) -> ChannelTold:
        """Make a channel."""
        return self._told(await self._channels.create(body.model_dump()))

    @get("/alarm-channels/{id}")
    async def read(self, path: ChannelPath) -> ChannelTold:
        """Read a channel."""
        return self._told(await self._channels.get(path.id))

    @put("/alarm-channels/{id}", role=Role.ADMIN)
    async def update(self, path: ChannelPath, body: ChannelChange) -> ChannelTold:
        """Make a channel what the body says, whole; a secret that is given as shown stays."""
        values = body.model_dump(exclude={"version"})
        return self._told(await self._channels.update(path.id, values, version=body.version))

    @delete("/alarm-channels/{id}", role=Role.ADMIN)
    async def delete(self, path: ChannelPath) -> None:
        """Delete a channel that no rule names."""
        await self._channels.delete(path.id)

    @post("/alarm-channels/{id}/test", role=Role.ADMIN)
    async def test(self, path: ChannelPath, body: Try) -> TrialTold:
        """Send a test message, and read what the other side says."""
        return TrialTold.model_validate(await self._channels.test(path.id, body.receiver))

    @get("/alarm-templates")
    async def templates(self) -> Sequence[TemplateTold]:
        """List the templates, by kind of channel and language."""
        return [
            TemplateTold(name=name, language=language, replaced=list(replaced))
            for name, languages in self._channels.templates().items()
            for language, replaced in languages.items()
        ]

    @get("/alarm-templates/{name}/preview")
    async def preview(self, path: TemplatePath, query: TemplateQuery) -> PreviewTold:
        """Read what a message of this kind of channel looks like."""
        rendered = self._channels.preview(path.name, query.language)
        return PreviewTold.model_validate(rendered)

    def _told(self, channel: StoredChannel) -> ChannelTold:
        return ChannelTold.model_validate(channel).in_zone(self._zone)
