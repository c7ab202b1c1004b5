"""Builds the whole service: the executor, its record in PostgreSQL, and the port that tells."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from functools import partial

import structlog

from executor.app import ExecutorApp
from executor.background import failing
from executor.clock import SystemClock
from executor.errors import StartRefused
from executor.journal import Journal
from executor.settings import is_loopback
from scheduler.admins_part import AdminsPart
from scheduler.alarms.delivery.channel import Channels
from scheduler.alarms.in_force import InForce
from scheduler.alarms.part import alarms_of, desk_of, outbox_of
from scheduler.api.site import Site
from scheduler.config_cache import ConfigCache
from scheduler.engine.disowned import Disowned
from scheduler.engine.finals import Finals
from scheduler.engine.local import LocalEngine
from scheduler.live import live_settings
from scheduler.nacos.overlay import Laid
from scheduler.nacos.part import NacosPart
from scheduler.peers import door_of
from scheduler.pools import Load, Pools
from scheduler.pulse import Pulse
from scheduler.recorder import Recorder
from scheduler.records import Records
from scheduler.run_service import NoRuns
from scheduler.secret_box import SecretBox
from scheduler.settings import Settings
from scheduler.storage import Storage
from scheduler.system_zone import service_zone

_log = structlog.get_logger(__name__)


class SchedulerApp:
    """Both faces in one process: executor (9999) and scheduling service (8100)."""

    exit_code = 0

    def __init__(self, settings: Settings, laid: Laid | None = None) -> None:
        """*laid* is where *settings* are from, when what is in Nacos shall be followed."""
        check_safe(settings)
        self._settings = settings
        self._clock = SystemClock()
        self._timezone = service_zone(settings)
        self.storage = Storage(settings)
        self.executor: ExecutorApp | None = None
        self.local: LocalEngine | None = None
        """None without an executor: there is nothing that could run."""
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._watch = failing(self.failed)
        self.port = 0
        self._nacos = NacosPart(settings, laid)

    async def start(self) -> None:
        """Serve when this returns. Raise StartRefused or OSError."""
        settings = self._settings
        await self.storage.open()
        self._keeping = asyncio.create_task(self.storage.keep())
        self._keeping.add_done_callback(self._watch)
        self._open_configs()
        self.in_force = InForce(settings.alarms, self._timezone)
        self.alarms = alarms_of(settings, self.storage, self.in_force, self._timezone)
        self._open_admins()
        if settings.executor.enabled:
            self.executor = ExecutorApp(
                settings,
                records=self._records,
                disowned=Disowned(settings, self.storage).find,
                configs=self.configs.of,
                resources=self._resources(),
                alarmed=self.alarms.hear,
            )
            self.executor.failed.add_done_callback(self._watch)
            await self.executor.start()
            self._make_engine(self.executor)
        await self._listen()
        self._start_engine()
        self.alarms.start(self._watch)
        self.outbox.start(self._watch)
        self._nacos.start(
            self.port,
            executor_url=self.executor.url() if self.executor else "",
            live=live_settings(self.executor, self._admins, self.in_force),
        )
        _log.info("scheduler_started", url=f"http://{settings.scheduler.host}:{self.port}")

    async def stop(self, *, hurry: asyncio.Event | None = None) -> None:
        """Stop all parts, whatever one of them raises."""
        leaving = asyncio.create_task(self._nacos.stop())
        for stop in self._stops(hurry):
            try:
                await stop()
            except Exception:  # noqa: BLE001 - the others are still to be stopped
                _log.exception("stop_stumbled")
        await asyncio.gather(leaving, return_exceptions=True)
        _log.info("scheduler_stopped")

    def _stops(self, hurry: asyncio.Event | None) -> Iterator[Callable[[], Awaitable[None]]]:
        """What is to be stopped, in order: the executor delivers its last reports before the database goes."""
        if self.local is not None:
            yield self.local.stop
        if self.executor is not None:
            yield partial(self.executor.stop, hurry=hurry)
        if self.local is not None:
            yield self.local.leave
        yield from (self.alarms.stop, self.outbox.stop, self.site.close)
        yield from (self._admins.stop, self.configs.stop, self._end_loops, self.storage.close)

    async def _end_loops(self) -> None:
        self._feeling.cancel()
        self._keeping.cancel()

    def _records(self, journal: Journal) -> Records:
        assert self.executor is not None
        self._recorder = recorder = Recorder(
            self.storage.engine,
            address=self.executor.url(),
            timezone=self._timezone,
        )
        wait_s = self._settings.engine.dependency_wait_seconds
        self._finals = Finals(self.storage.engine, recorder, wait_s=wait_s)
        return Records(journal, recorder, self._finals, alarming=self.alarms.wake)

    def _open_configs(self) -> None:
        self._secrets = SecretBox.of(self._settings)
        self.configs = ConfigCache(self.storage.engine, self._secrets, self._settings.redis)
        self.configs.start(self._watch)

    def _open_admins(self) -> None:
        self._admins = AdminsPart(
            self._settings,
            self.storage,
            timezone=self._timezone,
            configs_changed=self.configs.changed,
        )
        self._admins.start(self._watch)

    def _resources(self) -> dict[str, str]:
        """What handlers may ask for."""
        return {
            "database": self.storage.dsn,
            "data_dir": str(self._settings.data_dir.absolute()),
            "timezone": self._timezone,
        }

    def _make_engine(self, executor: ExecutorApp) -> None:
        self.local = LocalEngine(
            self._settings,
            storage=self.storage,
            executor=executor,
            finals=self._finals,
            clock=self._clock,
        )
        self.local.listener.subscribe("job", self._recorder.forget_job)
        self.local.listener.subscribe("config", self.configs.hear)
        self.local.listener.subscribe("alarm_rule", self.alarms.rulebook.forget)

    def _start_engine(self) -> None:
        """Fire, now that other replicas can be told where our logs are read."""
        if self.local is None or self.executor is None:
            return
        section = self._settings.scheduler
        door = door_of(section, self._secrets, port=self.port, executor_url=self.executor.url())
        self.local.start(self._watch, door=door)

    async def _listen(self) -> None:
        pulse = Pulse(self.storage)
        self._feeling = asyncio.create_task(pulse.run())
        self._feeling.add_done_callback(self._watch)
        pools = self._pools()
        self._open_outbox(pools.notify)
        self.site = Site(
            self._settings,
            storage=self.storage,
            executor=self.executor,
            control=self.local.control if self.local is not None else NoRuns(),
            pools=pools,
            pulse=pulse,
            clock=self._clock,
            timezone=self._timezone,
            force=self.in_force,
            channels=self._channels,
            desk=self._desk,
            configs_changed=self.configs.changed,
            xxl=self._admins.control,
        )
        if self.local is not None:
            self.local.listener.subscribe("message", self.site.inbox.wake)
            self.local.listener.subscribe("alarm", self.outbox.wake)
        self.port = await self.site.listen()

    def _open_outbox(self, load: Load) -> None:
        settings, storage = self._settings, self.storage
        self._channels = Channels(self.in_force, self._secrets)
        desk = self._desk = desk_of(settings, storage, self.in_force, self._clock)
        self.outbox = outbox_of(
            settings, storage, self.in_force, desk=desk, channels=self._channels, load=load
        )

    def _pools(self) -> Pools:
        section = self._settings.engine
        return Pools(
            self.executor,
            self.local.engine.fires.retries if self.local is not None else None,
            retry_workers=section.retry_workers,
            notify_workers=section.notify_workers,
        )


def check_safe(settings: Settings) -> None:
    """Refuse to be open to other machines without a token. Raise StartRefused."""
    section = settings.scheduler
    if not is_loopback(section.host) and not section.tokens:
        raise StartRefused(
            f"scheduler.host {section.host} can be reached from other machines: set scheduler.tokens"
        )
