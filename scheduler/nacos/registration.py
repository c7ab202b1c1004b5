"""Keeps the service in Nacos's list, whatever happens to Nacos."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

import structlog

from admin_bridge import pause_s
from scheduler.nacos.client import NacosClient
from scheduler.nacos.errors import AccessRefused, NacosError
from scheduler.nacos.wire import Instance

_log = structlog.get_logger(__name__)

BEAT_S = 5.0
"""Nacos calls an instance unhealthy that was silent for 15 s, and drops it after 30 s."""
_REFUSED_S = 60.0
"""Longest pause after a refusal: a wrong password must not be tried all the time."""
LEAVE_WITHIN_S = 3.0


class Registration:
    """Registers one instance, beats, and registers again when Nacos has forgotten it.

    What is wrong is said at the first time, and then only when that changes.
    """

    def __init__(
        self,
        client: NacosClient,
        instance: Instance,
        *,
        beat_s: float = BEAT_S,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._client = client
        self._instance = instance
        self._beat_s = beat_s
        self._sleep = sleep
        self._known = False
        self._told: type[NacosError | None] | None = None

    async def run(self) -> None:
        """Be registered until cancelled."""
        last: type[NacosError | None] = type(None)
        failures = 0
        while True:
            error = await self._once()
            if type(error) is not last:  # a server that starts refuses users that it has not read
                failures, last = 0, type(error)
            failures = failures + 1 if error else 0
            longest = _REFUSED_S if isinstance(error, AccessRefused) else self._beat_s
            await self._sleep(pause_s(failures, longest, random.random()))

    async def leave(self) -> None:
        """Take the instance back, after `run` was cancelled; no longer than LEAVE_WITHIN_S."""
        try:
            async with asyncio.timeout(LEAVE_WITHIN_S):
                await self._client.deregister(self._instance)
        except (NacosError, TimeoutError) as error:
            if self._known:
                reason = str(error) or f"no answer in {LEAVE_WITHIN_S:.0f} s"
                _log.warning("nacos_deregistration_failed", reason=reason)
        self._known = False

    async def _once(self) -> NacosError | None:
        try:
            if not (self._known and await self._client.beat(self._instance)):
                await self._register()
        except NacosError as error:
            self._tell(error)
            return error
        self._told = type(None)
        return None

    async def _register(self) -> None:
        await self._client.register(self._instance)
        _log.info(
            "nacos_registered",
            service=self._instance.service,
            address=f"{self._instance.ip}:{self._instance.port}",
            again=self._known or self._told not in (None, type(None)),
        )
        self._known = True

    def _tell(self, error: NacosError) -> None:
        if type(error) is not self._told:
            self._told = type(error)
            _log.warning("nacos_away", reason=str(error))
