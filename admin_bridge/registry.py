"""The beat that keeps an executor in a cluster's registry."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

from admin_bridge.cluster import AdminCluster
from admin_bridge.errors import AdminError

BEAT_S = 30.0
"""Admins forget an executor that has been silent for 90 s."""


def pause_s(failures: int, interval_s: float, chance: float) -> float:
    """Seconds to the next beat after so many *failures* in a row; *chance* in [0, 1) spreads them.

    1, 2, 4, 8 ... at most the interval, less up to a half, so that executors don't beat in step.
    """
    if not failures:
        return interval_s
    return min(interval_s, 2.0 ** min(failures - 1, 30)) * (1 - chance / 2)


class RegistryBeat:
    """Beats one executor's URL to one cluster.

    *find_url* is asked for it before each beat, since it may change; then the old one is taken out.
    *on_change* is told the cluster's name and the error, or None when it answers: at the first
    beat, and then only when that changes, so an Admin that is down for a day says so once.
    """

    def __init__(
        self,
        cluster: AdminCluster,
        find_url: Callable[[], Awaitable[str]],
        on_change: Callable[[str, AdminError | None], None],
        *,
        interval_s: float = BEAT_S,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._cluster = cluster
        self._find_url = find_url
        self._listed: set[str] = set()
        """All that the cluster may have from us."""
        self._on_change = on_change
        self._interval_s = interval_s
        self._sleep = sleep
        self._told: type[AdminError | None] | None = None

    async def run(self) -> None:
        """Beat until cancelled."""
        failures = 0
        while True:
            error = await self._beat()
            failures = failures + 1 if error else 0
            self._tell(error)
            await self._sleep(pause_s(failures, self._interval_s, random.random()))

    async def leave(self) -> AdminError | None:
        """Take the URL out of the registry, after `run` was cancelled; give what went wrong.

        The Admin goes on triggering for up to 30 s, and forgets a silent executor anyway.
        """
        try:
            await self._remove(self._listed or {await self._find_url()})
        except AdminError as error:
            return error
        return None

    async def _beat(self) -> AdminError | None:
        url = await self._find_url()
        self._listed.add(url)
        try:
            await self._cluster.register(url)
            await self._remove(self._listed - {url})
        except AdminError as error:
            return error
        return None

    async def _remove(self, urls: set[str]) -> None:
        for url in list(urls):
            await self._cluster.deregister(url)
            self._listed.discard(url)

    def _tell(self, error: AdminError | None) -> None:
        kind = type(error)
        if kind is not self._told:
            self._told = kind
            self._on_change(self._cluster.config.name, error)
