"""What Admins see of this executor: in their registries while it serves, under a path of each."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from admin_bridge import AdminCluster, AdminError, ClusterConfig, RegistryBeat
from executor.advertised import Advertised
from executor.background import Background, finish
from executor.endpoints import Caller
from executor.errors import StartRefused
from executor.settings import ClusterSection, ExecutorSettings

_log = structlog.get_logger(__name__)

FindUrl = Callable[[], Awaitable[str]]


class Presence:
    """The Admin clusters of the settings, and our place in each."""

    def __init__(self, settings: ExecutorSettings) -> None:
        """Raise StartRefused for what is no address."""
        self._settings = settings
        self._sections = settings.clusters()
        try:
            self.clusters = [AdminCluster(config_of(settings, one)) for one in self._sections]
        except ValueError as error:
            raise StartRefused(f"admins: {error}") from None
        self._beats: list[RegistryBeat] = []
        self._beating: list[asyncio.Task[None]] = []
        self._registered: set[str] = set()

    def close(self) -> None:
        """Close the connections to the Admins."""
        for cluster in self.clusters:
            cluster.close()

    @property
    def is_known(self) -> bool:
        """Some Admin has it in its registry, or had."""
        return bool(self._registered)

    def callers(self) -> list[Caller]:
        """Who may call; without any cluster, anyone with the token, and nobody is called back."""
        if not self._sections:
            token = self._settings.executor.access_token.get_secret_value()
            return [Caller("default", "", token.encode(), lambda _path, _headers: None)]
        return [
            Caller(
                section.name,
                self._settings.prefix_of(section.name),
                self._settings.token_of(section).encode(),
                cluster.heard,
            )
            for section, cluster in zip(self._sections, self.clusters, strict=True)
        ]

    def appear(
        self, advertised: Advertised, background: Background, answered: Callable[[str], None]
    ) -> None:
        """Be in every registry from now on; *answered* hears of a cluster that has taken it."""

        def changed(cluster: str, error: AdminError | None) -> None:
            if error is not None:
                _log.warning("registry_failed", cluster=cluster, reason=str(error))
                return
            self._registered.add(cluster)
            answered(cluster)
            _log.info("registered", cluster=cluster)

        for cluster in self.clusters:
            beat = RegistryBeat(cluster, self._finder(cluster, advertised), changed)
            self._beats.append(beat)
            self._beating.append(background.watch(beat.run()))

    async def vanish(self, hurry: asyncio.Event) -> None:
        """Leave every registry; triggers may still come for 30 s. *hurry* leaves silent Admins be."""
        for task in self._beating:
            task.cancel()
        if not await finish(self._leave(), hurry):
            _log.warning("deregistration_failed", reason="an Admin has not answered in time")

    async def _leave(self) -> None:
        for error in await asyncio.gather(*(beat.leave() for beat in self._beats)):
            if error is not None:
                _log.warning("deregistration_failed", reason=str(error))

    def _finder(self, cluster: AdminCluster, advertised: Advertised) -> FindUrl:
        prefix = self._settings.prefix_of(cluster.config.name)

        async def find_url() -> str:
            return await advertised.look() + prefix

        return find_url


def config_of(settings: ExecutorSettings, section: ClusterSection) -> ClusterConfig:
    """What *settings* say of a cluster. Raise ValueError for what is no address."""
    return ClusterConfig(
        name=section.name,
        addresses=tuple(section.addresses),
        access_token=settings.token_of(section),
        app_name=settings.app_name_of(section),
    )
