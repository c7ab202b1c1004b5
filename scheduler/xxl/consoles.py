"""The consoles of the configured Admins: opened when first needed, one session each for the process."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from zoneinfo import ZoneInfo

import aiohttp

from admin_bridge.console import Console, ConsoleConfig, NotAnAdmin, SignInRefused
from admin_bridge.console.open import open_console
from scheduler.refusal import Conflict
from scheduler.settings import Settings
from scheduler.xxl.admins import Admin


class Consoles:
    """Opens consoles, and gives the same one to all who ask.

    Since 3.2 an Admin ends a user's other sessions at each sign-in, so mirror and control share it.
    """

    def __init__(self, settings: Settings, *, timezone: str) -> None:
        """*timezone* is that of Admins whose zone is not configured."""
        self._sections = {section.name: section for section in settings.clusters()}
        self._app_names = {name: settings.app_name_of(one) for name, one in self._sections.items()}
        self._tokens = {name: settings.token_of(one) for name, one in self._sections.items()}
        self._timezone = timezone
        self._session: aiohttp.ClientSession | None = None
        self._consoles: dict[str, Console] = {}
        self._opening: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    @property
    def names(self) -> tuple[str, ...]:
        """Every cluster that is configured."""
        return tuple(self._sections)

    async def console(self, cluster: str) -> Console:
        """The console of one of `names`. Raise ConsoleUnreachable or NotAnAdmin."""
        async with self._opening[cluster]:
            if cluster not in self._consoles:
                config = self._config(cluster)
                self._consoles[cluster] = await open_console(self._opened(), config)
            return self._consoles[cluster]

    async def forget(self, cluster: str) -> None:
        """Open the console anew when it is needed: the Admin may be of another generation now."""
        if console := self._consoles.pop(cluster, None):
            await console.aclose()

    async def admin(self, cluster: str) -> Admin:
        """One of `names`, ready to be spoken to. Raise ConsoleError."""
        zone = self._sections[cluster].console_zone
        return Admin(
            cluster=cluster,
            console=await self.console(cluster),
            app_name=self._app_names[cluster],
            group_id=self._sections[cluster].group_id,
            timezone=zone or self._timezone,
            zone_named=bool(zone),
        )

    async def group_ids(self, cluster: str) -> Sequence[int]:
        """The ids of our groups there. Raise ConsoleError, and Conflict when there is none."""
        console, app_name = await self.console(cluster), self._app_names[cluster]
        if named := self._sections[cluster].group_id:
            return [named]
        try:
            groups = await console.groups()
        except (NotAnAdmin, SignInRefused):
            await self.forget(cluster)
            raise
        if ours := sorted(group.id for group in groups if group.app_name == app_name):
            return ours
        raise Conflict(f"Admin {cluster} has no group of the app name {app_name!r}: add it there")

    async def aclose(self) -> None:
        """Let go of all; no session is ended."""
        for cluster in list(self._consoles):
            await self.forget(cluster)
        if self._session is not None:
            await self._session.close()

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
        return self._session

    def _config(self, cluster: str) -> ConsoleConfig:
        section = self._sections[cluster]
        return ConsoleConfig(
            name=section.name,
            addresses=tuple(section.addresses),
            username=section.username,
            password=section.password.get_secret_value(),
            access_token=self._tokens[cluster],
            app_name=self._app_names[cluster],
            zone=ZoneInfo(section.console_zone) if section.console_zone else None,
        )
