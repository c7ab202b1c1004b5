"""Builds an executor from its settings, starts it, watches it, and stops it in order."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import MappingProxyType

import structlog

from executor import capture
from executor.advertised import Advertised
from executor.background import Background, wait_for
from executor.callbacks import Callbacks
from executor.clock import SteadyClock, SystemClock
from executor.course import Course, ReadConfigs
from executor.dispatch import Dispatcher
from executor.endpoints import Endpoints
from executor.errors import ScriptRefused, StartRefused
from executor.handler import Handler
from executor.handler_table import HandlerTable, load_handlers
from executor.journal import Journal
from executor.journal_store import JournalStore
from executor.logkeeper import LogKeeper
from executor.logpages import LogPages
from executor.logstore import LogWriter
from executor.model import Report, Trigger
from executor.outbox import Receiver
from executor.pools import Pools, slots_of
from executor.presence import Presence
from executor.privacy import keep_private
from executor.recovery import Verdict, recover
from executor.reporting import Reporting
from executor.run_alarm import RunAlarm
from executor.server import HttpServer
from executor.settings import ExecutorSettings, is_loopback
from executor.workers.watchdog import Watchdog

_log = structlog.get_logger(__name__)

_FLUSH_LOGS_S = 0.2

MakeReceiver = Callable[[Journal], Receiver]
FindDisowned = Callable[[Sequence[Report]], Awaitable[Mapping[int, Verdict]]]
"""How those open runs of a former life end that others have decided about meanwhile, by log id."""


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
        keep_private(directory)
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
        self._background = Background()
        self.failed = self._background.failed
        self._reporting = Reporting(self._background)
        self._hurry = asyncio.Event()

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
        opened.callback(self._log_keeper.tell_losses)  # the last lines are written by the close
        opened.push_async_callback(self.journal.close)
        self._presence = Presence(self._settings)
        opened.callback(self._presence.close)
        self._pools = Pools(self.handlers, self._settings)
        opened.push_async_callback(lambda: self._pools.close(self._hurry))
        await self._pools.open()
        self.dispatcher = self._make_dispatcher()
        endpoints = Endpoints(
            self._presence.callers(),
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
            admins=[at for cluster in self._presence.clusters for at in cluster.config.addresses],
        )
        await self._advertised.look()
        opened.push_async_callback(self._background.cancel)
        await self._recover()
        await server.serve()
        self._begin_reports()
        self._presence.appear(self._advertised, self._background, self._reporting.nudge)
        self._begin_loops()

    async def stop(self, *, hurry: asyncio.Event | None = None) -> None:
        """Leave in order: out of the registry, finish or stop what runs, deliver, close.

        Admins go on choosing an address until they look into their registry again; what they
        send until then is taken, as they don't ask another executor when one refuses.
        Setting *hurry* cuts the waiting short; nothing is lost by it.
        """
        section = self._settings.executor
        grace_s, drain_s = section.stop_grace_seconds, section.drain_seconds
        _log.info("executor_leaving", drain_seconds=drain_s, grace_seconds=grace_s)
        hurry = self._hurry = hurry or self._hurry
        await self._presence.vanish(hurry)
        if self._presence.is_known:
            await wait_for(hurry, drain_s)
        await self.dispatcher.drain(grace_s, hurry)
        await self._reporting.flush(hurry)
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

    # parts

    def _make_dispatcher(self) -> Dispatcher:
        course = Course(
            journal=self.journal,
            clock=self._clock,
            workers=self._pools.workers,
            slots=self._pools.slots,
            patience_s=self._pools.patience_s,
            changed=self._reporting.changed,
            alarmed=self._alarmed,
            configs=self._configs,
            resources=self._resources,
        )
        return Dispatcher(
            course=course,
            journal=self.journal,
            clock=self._clock,
            find_handler=self._find_handler,
            most_waiting=self._settings.executor.max_waiting,
        )

    def _find_handler(self, trigger: Trigger) -> Handler | None:
        if trigger.script is None:
            return self.handlers.find(trigger.handler)
        refusal = self._pools.scripts.refusal(trigger.script.language)
        if refusal is not None:
            raise ScriptRefused(refusal)
        return None

    def _begin_reports(self) -> None:
        for cluster in self._presence.clusters:
            self._reporting.call_back(Callbacks(self.journal, cluster, SteadyClock()))
        if self._make_records is not None:
            self._reporting.record(self._make_records(self.journal))

    async def _recover(self) -> None:
        reports, self._left_behind = self._left_behind, []
        ask = self._find_disowned
        disowned = await ask(reports) if ask is not None and reports else {}
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

    # loops beside the runs

    def _begin_loops(self) -> None:
        for loop in (
            self._live_with_journal(),
            self._flush_logs(),
            self._log_keeper.drop_old(),
            self._log_keeper.watch_losses(),
            self._pools.watchdog.run(),
        ):
            self._background.watch(loop)

    async def _live_with_journal(self) -> None:
        await self.journal.died

    async def _flush_logs(self) -> None:
        while True:
            await asyncio.sleep(_FLUSH_LOGS_S)
            self.dispatcher.flush_logs()


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
