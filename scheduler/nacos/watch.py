"""Looks whether the overlay has changed, and applies what can be applied at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import structlog

from scheduler.nacos.changes import changes
from scheduler.nacos.client import NacosClient
from scheduler.nacos.errors import NacosError
from scheduler.nacos.overlay import Laid, keep, lay
from scheduler.settings import Settings

_log = structlog.get_logger(__name__)
_POLL_S = 10.0

Live = Mapping[str, Callable[[Settings], None]]
"""By dotted key: what puts a new value into effect in the running service."""


class OverlayWatch:
    """Asks for the overlay again and again; a bad one is said once, and changes nothing."""

    def __init__(
        self, client: NacosClient, laid: Laid, live: Live, *, poll_s: float = _POLL_S
    ) -> None:
        self._client = client
        self._data_id = laid.settings.nacos.config_data_id
        self._started = self._current = laid
        self._seen = laid.text
        self._live = live
        self._poll_s = poll_s
        self._away = bool(laid.trouble) and not laid.refused

    async def run(self) -> None:
        """Look until cancelled."""
        if not self._away and not self._current.refused:
            self._keep()
        while True:
            await asyncio.sleep(self._poll_s)
            await self.look()

    async def look(self) -> None:
        """Ask once, and do what is to be done."""
        try:
            text = await self._client.config_text(self._data_id)
        except NacosError as error:
            if not self._away:
                _log.warning("overlay_away", data_id=self._data_id, reason=str(error))
            self._away = True
            return
        came_back, self._away = self._away, False
        if came_back or text != self._seen:
            self._take(lay(self._current.sources, text))

    def _take(self, laid: Laid) -> None:
        self._seen = laid.text
        if laid.refused:
            laid.tell()
            return
        found = changes(
            self._started.settings, self._current.settings, laid.settings, live=self._live
        )
        for key in found.applied:
            self._live[key](laid.settings)
        laid.tell()
        if found.applied or found.restart:
            _log.info("settings_changed", applied=found.applied, restart=found.restart)
        self._current = laid
        self._keep()

    def _keep(self) -> None:
        try:
            keep(self._current)
        except OSError as error:
            _log.warning("overlay_not_kept", reason=str(error))
