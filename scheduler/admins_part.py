"""All that has to do with Admins' consoles: the mirror that copies, and the control that changes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from scheduler.configs import Changed
from scheduler.mirror.mirror import Mirror
from scheduler.mirror_settings import MirrorSection
from scheduler.settings import Settings
from scheduler.storage import Storage
from scheduler.xxl.consoles import Consoles
from scheduler.xxl.control import XxlControl


class AdminsPart:
    """Mirror and control, on one console for each cluster."""

    def __init__(
        self, settings: Settings, storage: Storage, *, timezone: str, configs_changed: Changed
    ) -> None:
        """*timezone*: of Admins whose zone is not configured, and of days in statistics."""
        self._storage = storage
        self._consoles = Consoles(settings, timezone=timezone)
        self._mirror = Mirror(
            storage.engine,
            self._consoles,
            clusters=[cluster.name for cluster in settings.clusters() if cluster.username],
            section=settings.mirror,
            timezone=timezone,
        )
        self.control = XxlControl(
            storage.engine, self._consoles, mirror=self._mirror, configs_changed=configs_changed
        )

    def start(self, watch: Callable[[asyncio.Task[None]], None]) -> None:
        """Copy from now on; *watch* is told when that has ended."""
        self._mirror.start(self._storage.ready, watch)

    def tune(self, section: MirrorSection) -> None:
        """Go on with other rates and sizes of the mirror."""
        self._mirror.tune(section)

    async def stop(self) -> None:
        await self._mirror.stop()
        await self._consoles.aclose()
