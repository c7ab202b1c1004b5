"""Builds an executor from its settings, starts it, watches it, and stops it in order."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any

import aiohttp
import structlog

from admin_bridge import AdminCluster, AdminError, ClusterConfig, RegistryBeat
from executor import capture
from executor.advertised import Advertised
from executor.callbacks import Callbacks
from executor.clock import SystemClock
from executor.course import Course, ReadConfigs
from executor.dispatch import Dispatcher
from executor.endpoints import Caller, Endpoints
from executor.errors import ScriptRefused, StartRefused
from executor.handler import Handler
from executor.handler_table import HandlerTable, load_handlers
from executor.journal import Journal
from executor.journal_store import JournalStore
from executor.logkeeper import LogKeeper
from executor.logpages import LogPages
from executor.logstore import LogWriter
from executor.model import Report, RunState, Trigger
from executor.outbox import Outbox, Receiver
from executor.pools import Pools, slots_of
from executor.recovery import recover
from executor.run_alarm import RunAlarm
from executor.server import HttpServer
from executor.settings import ClusterSection, ExecutorSettings, is_loopback
from executor.workers.watchdog import Watchdog

_log = structlog.get_logger(__name__)

_FLUSH_LOGS_S = 0.2
_FLUSH_OUTBOXES_S = 10.0
_FLUSH_IN_HURRY_S = 1.0
"""A receiver that is there takes a few milliseconds; what is left stays in the journal."""

MakeReceiver = Callable[[Journal], Receiver]
FindDisowned = Callable[[Sequence[Report]], Awaitable[Collection[int]]]
"""Log ids of those open runs of a former life that others have ended meanwhile."""


class ExecutorApp:
    """One executor: its parts, built once, and its life.

    *records* makes a receiver of every change of every run (the service's recorder); None: the
    Admins are the only ones who are told. *disowned* is asked once, when it starts. *configs*
    gives what handlers read as `ctx.config`, *resources* what `ctx.resource` does; *alarmed* takes
    what they say by `ctx.alarm`.
    """

    exit_code = 0

    def __init__(
        self,
        settings: ExecutorSettings,
        records: MakeReceiver | None = None,
        disowned: FindDisowned | None = None,
        configs: ReadConfigs = lambda _: {},
        resources: Mapping[str, str] = MappingProxyType({}),
        alarmed: Callable[[Trigger, RunAlarm], None] = lambda _trigger, _alarm: None,
    ) -> None:
        check_safe(settings)
        self._configs = configs
        self._resources = dict(resources)
        self._alarmed = alarmed
        self._settings = settings
        self._clock = SystemClock()
        self.handlers: HandlerTable = load_handlers(settings.handlers.modules)
        directory = settings.data_dir
        store = JournalStore(directory / "journal.db", full_sync=settings.journal.sync == "full")
        clusters = [cluster.name for cluster in settings.clusters()]
        for name, results in store.disown(clusters).items():
            _log.warning("callbacks_disowned", cluster=name, results=results)
        self._left_behind = store.open_runs()
        self.pages = LogPages(directory / "logs")
        writer = LogWriter(directory / "logs")
        self.journal = Journal(
            store,
            writer,
            remember=settings.journal.remember_runs,
            records=records is not None,
            called_back=clusters,
        )
        self._log_keeper = LogKeeper(
            self.journal, writer, clock=self._clock, keep_days=settings.logs.keep_days
        )
        self._make_records = records
        self._find_disowned = disowned
        self._outboxes: dict[str, Outbox] = {}
        self._recording: Outbox | None = None
        self._beats: list[RegistryBeat] = []
        self._background: set[asyncio.Task[None]] = set()
        self._beat_tasks: list[asyncio.Task[None]] = []
        self._registered: set[str] = set()
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done, with the exception, when a background loop has died: the service must end."""

    async def start(self) -> None:
        """Be an executor when this returns. Raise StartRefused or OSError: nothing was begun."""
        async with contextlib.AsyncExitStack() as opened:
            await self._open(opened)
            self._opened = opened.pop_all()
        _log.info("executor_started", url=self.url(), handlers=len(self.handlers))

    async def _open(self, opened: contextlib.AsyncExitStack) -> None:
        """Open the parts in their order; *opened* closes them in the reverse one."""
        section = self._settings.executor
        capture.install()
        opened.callback(capture.uninstall)
        self.journal.start()
        opened.push_async_callback(self.journal.close)
        clusters = await self._open_clusters(opened)
        self._pools = Pools(self.handlers, self._settings)
        opened.push_async_callback(self._pools.close)
        await self._pools.open()
        course = Course(
            journal=self.journal,
            clock=self._clock,
            workers=self._pools.workers,
            slots=self._pools.slots,
            patience_s=self._pools.patience_s,
            changed=self._changed,
            alarmed=self._alarmed,
            configs=self._configs,
            resources=self._resources,
        )
        self.dispatcher = Dispatcher(
            course=course,
            journal=self.journal,
            clock=self._clock,
            find_handler=self._find_handler,
            most_waiting=section.max_waiting,
        )
        endpoints = Endpoints(
            self._callers(clusters),
            self.dispatcher,
            self.pages,
            page_chars=self._settings.logs.page_bytes,
        )
        opened.callback(endpoints.close)
        server = HttpServer(
            endpoints, host=section.host, port=section.port, most=section.max_connections
        )
        opened.push_async_callback(server.stop)
        self.port = await server.bind()
        self._advertised = Advertised(
            section.address,
            host=section.host,
            port=self.port,
            admins=[address for cluster in clusters for address in cluster.config.addresses],
        )
        await self._advertised.look()
        opened.push_async_callback(self._cancel_background)
        await self._recover()
        await server.serve()
        self._watch(self._live_with_journal())
        self._open_outboxes(clusters)
        self._open_registry(clusters)
        self._watch(self._flush_logs())
        self._watch(self._log_keeper.drop_old())
        self._watch(self._log_keeper.watch_losses())
        self._watch(self._pools.watchdog.run())

    async def stop(self, *, hurry: asyncio.Event | None = None) -> None:
        """Leave in order: out of the registry, finish or stop what runs, deliver, close.

        Admins go on choosing an address until they look into their registry again; what they
        send until then is taken, as they don't ask another executor when one refuses.
        Setting *hurry* cuts the waiting short; nothing is lost by it.
        """
        section = self._settings.executor
        for task in self._beat_tasks:
            task.cancel()
        await asyncio.gather(*(self._leave(beat) for beat in self._beats))
        hurry = hurry or asyncio.Event()
        if self._registered:
            await _wait(hurry, section.drain_seconds)
        await self.dispatcher.drain(section.stop_grace_seconds, hurry)
        await self._flush_outboxes(hurry)
        await self._opened.aclose()
        _log.info("executor_stopped")

    def tune(self, settings: ExecutorSettings) -> None:
        """Take over how much may run at once, and how long logs are kept; nothing else."""
        limits = slots_of(settings.executor)
        for isolation, slots in self.dispatcher.load():
            slots.resize(limits[isolation])
        self._log_keeper.keep_days = settings.logs.keep_days

    @property
    def watchdog(self) -> Watchdog:
        """Knows how often async handlers have blocked each other."""
        return self._pools.watchdog

    def url(self, prefix: str = "") -> str:
        """Under which Admins reach this executor."""
        return self._advertised.url + prefix

    async def _cancel_background(self) -> None:
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)

    # parts

    async def _open_clusters(self, opened: contextlib.AsyncExitStack) -> list[AdminCluster]:
        self._session = await opened.enter_async_context(aiohttp.ClientSession())
        try:
            return [self._cluster(one) for one in self._settings.clusters()]
        except ValueError as error:
            raise StartRefused(f"admins: {error}") from None

    def _cluster(self, section: ClusterSection) -> AdminCluster:
        config = ClusterConfig(
            name=section.name,
            addresses=tuple(section.addresses),
            access_token=self._settings.token_of(section),
            app_name=section.app_name or self._settings.executor.app_name,
        )
        return AdminCluster(config, self._session)

    def _callers(self, clusters: Sequence[AdminCluster]) -> list[Caller]:
        """Who may call; without any cluster, anyone with the token, and nobody is called back."""
        sections = self._settings.clusters()
        if not sections:
            token = self._settings.executor.access_token.get_secret_value()
            return [Caller("default", "", token.encode(), lambda _path, _headers: None)]
        return [
            Caller(
                section.name,
                _prefix(clusters, cluster),
                self._settings.token_of(section).encode(),
                cluster.heard,
            )
            for section, cluster in zip(sections, clusters, strict=True)
        ]

    def _find_handler(self, trigger: Trigger) -> Handler | None:
        if trigger.script is None:
            return self.handlers.find(trigger.handler)
        refusal = self._pools.scripts.refusal(trigger.script.language)
        if refusal is not None:
            raise ScriptRefused(refusal)
        return None

    def _open_outboxes(self, clusters: Sequence[AdminCluster]) -> None:
        for cluster in clusters:
            receiver = Callbacks(self.journal, cluster, self._clock)
            box = self._outboxes[receiver.name] = Outbox(
                receiver, _tell_receiver, pace_s=_CALLBACK_PACE_S
            )
            self._watch(box.run())
        if self._make_records is not None:
            records = self._make_records(self.journal)
            self._recording = Outbox(records, _tell_receiver, pace_s=_RECORD_PACE_S)
            self._watch(self._recording.run())

    def _open_registry(self, clusters: Sequence[AdminCluster]) -> None:
        for cluster in clusters:
            find_url = partial(self._found_url, _prefix(clusters, cluster))
            beat = RegistryBeat(cluster, find_url, self._registry_changed)
            self._beats.append(beat)
            self._beat_tasks.append(self._watch(beat.run()))

    async def _found_url(self, prefix: str) -> str:
        return await self._advertised.look() + prefix

    async def _recover(self) -> None:
        reports, self._left_behind = self._left_behind, []
        ask = self._find_disowned
        disowned = await ask(reports) if ask is not None and reports else ()
        ended = recover(
            reports,
            self.dispatcher,
            self.pages,
            self._find_handler,
            run_waiting=self._settings.executor.after_crash == "run",
            disowned=disowned,
        )
        if reports:
            _log.warning("runs_recovered", taken_up=len(reports) - ended, interrupted=ended)

    # what happens

    def _changed(self, trigger: Trigger, state: RunState) -> None:
        if self._recording is not None:
            self._recording.wake()
        if state.is_final and (box := self._outboxes.get(trigger.cluster)) is not None:
            box.wake()

    def _registry_changed(self, cluster: str, error: AdminError | None) -> None:
        if error is not None:
            _log.warning("registry_failed", cluster=cluster, reason=str(error))
            return
        self._registered.add(cluster)
        self._outboxes[cluster].nudge()
        _log.info("registered", cluster=cluster)

    async def _flush_outboxes(self, hurry: asyncio.Event) -> None:
        async def flush() -> None:
            await asyncio.gather(*(box.flush(_FLUSH_OUTBOXES_S) for box in self._all_outboxes()))

        flushed = asyncio.create_task(flush())
        hurried = asyncio.create_task(_wait(hurry, _FLUSH_OUTBOXES_S))
        await asyncio.wait({flushed, hurried}, return_when=asyncio.FIRST_COMPLETED)
        hurried.cancel()
        await asyncio.wait({flushed}, timeout=_FLUSH_IN_HURRY_S)
        flushed.cancel()

    async def _leave(self, beat: RegistryBeat) -> None:
        error = await beat.leave()
        if error is not None:
            _log.warning("deregistration_failed", reason=str(error))

    def _all_outboxes(self) -> list[Outbox]:
        recording = [self._recording] if self._recording is not None else []
        return [*self._outboxes.values(), *recording]

    # loops beside the runs

    def _watch(self, loop: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run *loop* in the background; when it dies, the service must not go on without it."""
        task = asyncio.create_task(loop)
        self._background.add(task)
        task.add_done_callback(self._note_death)
        return task

    def _note_death(self, task: asyncio.Task[None]) -> None:
        self._background.discard(task)
        if not task.cancelled() and (error := task.exception()) and not self.failed.done():
            self.failed.set_exception(error)

    async def _live_with_journal(self) -> None:
        await self.journal.died

    async def _flush_logs(self) -> None:
        while True:
            await asyncio.sleep(_FLUSH_LOGS_S)
            self.dispatcher.flush_logs()


_CALLBACK_PACE_S = 0.02
_RECORD_PACE_S = 0.05


def _tell_receiver(name: str, reason: str | None) -> None:
    if reason is None:
        _log.info("receiver_back", receiver=name)
    else:
        _log.warning("receiver_away", receiver=name, reason=reason)


def _prefix(clusters: Sequence[AdminCluster], cluster: AdminCluster) -> str:
    """The path that tells who calls, when there is more than one who may."""
    return f"/{cluster.config.name}" if len(clusters) > 1 else ""


async def _wait(event: asyncio.Event, limit_s: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(limit_s):
            await event.wait()


def check_safe(settings: ExecutorSettings) -> None:
    """Refuse to be open to others, or to their scripts, without a token. Raise StartRefused."""
    section = settings.executor
    tokens = [settings.token_of(cluster) for cluster in settings.clusters()]
    closed = all(tokens) if tokens else bool(section.access_token.get_secret_value())
    if section.scripts and not closed:
        raise StartRefused("executor.scripts: scripts are only run where callers need a token")
    if not closed and not is_loopback(section.host):
        raise StartRefused(
            f"executor.host {section.host} can be reached from other machines: set "
            "executor.access_token (or QOOERP_EXECUTOR__ACCESS_TOKEN) to the Admin's access token"
        )
