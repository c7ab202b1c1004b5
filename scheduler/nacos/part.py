"""The service's part that speaks to Nacos: it never holds up the others, and never ends them."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Mapping
from importlib.metadata import version
from urllib.parse import urlsplit

import aiohttp
import structlog

from executor.advertised import own_address
from scheduler.address import host_and_port
from scheduler.nacos.client import NacosClient, NacosConfig, config_of
from scheduler.nacos.overlay import Laid
from scheduler.nacos.registration import Registration
from scheduler.nacos.watch import Live, OverlayWatch
from scheduler.nacos.wire import Instance
from scheduler.settings import Settings

_log = structlog.get_logger(__name__)
_AFTER_MISTAKE_S = 60.0
_ANYWHERE = "192.0.2.1"


class NacosPart:
    """Registration, and the overlay where one is named; nothing without `nacos.server_addresses`."""

    def __init__(self, settings: Settings, laid: Laid | None = None) -> None:
        self._settings = settings
        self._laid = laid
        self._tasks: list[asyncio.Task[None]] = []
        self._registration: Registration | None = None
        self._session: aiohttp.ClientSession | None = None

    def start(self, port: int, *, executor_url: str, live: Live) -> None:
        """Begin, in the background; *port* is the REST API's, *live* what can be changed."""
        config = config_of(self._settings.nacos)
        if config is None:
            return
        self._session = aiohttp.ClientSession()
        client = NacosClient(config, self._session)
        self._begin(lambda: self._register(client, port, executor_url))
        if self._settings.nacos.config_data_id and self._laid is not None:
            self._begin(OverlayWatch(client, self._laid, live).run)

    async def stop(self) -> None:
        """Leave Nacos: callers go elsewhere from now on. It takes 3 s at most."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._registration is not None:
            await self._registration.leave()
        if self._session is not None:
            await self._session.close()

    async def _register(self, client: NacosClient, port: int, executor_url: str) -> None:
        instance = await asyncio.to_thread(  # it may have to ask the DNS
            instance_of, self._settings, client.config, port, executor_url=executor_url
        )
        self._registration = Registration(client, instance)
        await self._registration.run()

    def _begin(self, run: Callable[[], Awaitable[None]]) -> None:
        self._tasks.append(asyncio.create_task(_for_ever(run)))


async def _for_ever(run: Callable[[], Awaitable[None]]) -> None:
    while True:
        try:
            await run()
        except Exception:  # noqa: BLE001 - no mistake here may end the service
            _log.exception("nacos_stumbled")
            await asyncio.sleep(_AFTER_MISTAKE_S)


def instance_of(
    settings: Settings, config: NacosConfig, port: int, *, executor_url: str = ""
) -> Instance:
    """Who we are to those who look us up."""
    host, said_port = advertised(settings, config)
    return Instance(
        settings.nacos.service_name,
        host,
        said_port or port,
        metadata=metadata_of(executor_url),
    )


def advertised(settings: Settings, config: NacosConfig) -> tuple[str, int]:
    """The host under which others reach the REST API, and the port where one was said, else 0."""
    if settings.nacos.address:
        return host_and_port(settings.nacos.address)
    host = settings.scheduler.host
    if host in ("0.0.0.0", "::", ""):
        host = outward_host(config.addresses[0])
    return host, 0


def metadata_of(executor_url: str) -> Mapping[str, str]:
    roles = ["scheduler", *(["executor"] if executor_url else [])]
    known = {
        "version": version("qooerp-scheduler"),
        "roles": ",".join(roles),
        "api": "/api/scheduler",
        "health": "/health",
        "executor": executor_url,
    }
    return {name: value for name, value in known.items() if value}


def outward_host(url: str) -> str:
    """This machine's address on the way to *url*, or to anywhere; nothing is sent."""
    parts = urlsplit(url)
    for host in (parts.hostname or _ANYWHERE, _ANYWHERE):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        if address := own_address(family, (host, parts.port or 80)):
            return address
    return "127.0.0.1"
