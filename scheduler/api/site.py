"""Everything that port 8100 answers, built once from the parts of the service."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence

from aiohttp import web

from executor.app import ExecutorApp
from executor.clock import Clock
from executor.errors import port_refused
from executor.handler_table import HandlerTable
from scheduler import statistics
from scheduler.alarms.channel_service import ChannelService
from scheduler.alarms.delivery.channel import Channels
from scheduler.alarms.delivery.desk import Desk
from scheduler.alarms.in_force import InForce
from scheduler.alarms.inbox import Inbox
from scheduler.alarms.notices import Notices
from scheduler.alarms.part import people_of
from scheduler.alarms.rule_service import RuleService
from scheduler.alarms.whom import Whom
from scheduler.api.alarm_channels import AlarmChannels
from scheduler.api.alarms import AlarmRules, Alarms
from scheduler.api.app import PREFIX, build, endpoints_of_all
from scheduler.api.audit import Audit
from scheduler.api.auth import Tokens
from scheduler.api.calendars import Calendars
from scheduler.api.configs import Configs
from scheduler.api.docs import Docs
from scheduler.api.door import Door, Inner
from scheduler.api.jobs import Jobs
from scheduler.api.messages import Messages
from scheduler.api.runs import Logs
from scheduler.api.schedule import Schedule
from scheduler.api.statistics import Statistics
from scheduler.api.streams import Streams
from scheduler.calendar_service import CalendarService
from scheduler.configs import Changed, ConfigService
from scheduler.explain_facts import Explainer
from scheduler.health import Health
from scheduler.job_service import JobService
from scheduler.peers import Peers, peer_token
from scheduler.pools import Pools
from scheduler.pulse import Pulse
from scheduler.run_list import RunList
from scheduler.run_service import Runs, RunService
from scheduler.run_text import RunText
from scheduler.secret_box import SecretBox
from scheduler.settings import Settings
from scheduler.storage import Storage
from scheduler.xxl.admins import NoAdmins
from scheduler.xxl.control import XxlControl
from scheduler.xxl.desk import JobDesk

_QUIET = logging.getLogger("scheduler.api.http")
"""Of aiohttp, which would write a traceback for whatever is no HTTP; our mistakes we log ourselves."""
_QUIET.setLevel(logging.CRITICAL)


class Site:
    """The REST API, its document and the health of the service."""

    def __init__(
        self,
        settings: Settings,
        *,
        storage: Storage,
        executor: ExecutorApp | None,
        control: Runs,
        pools: Pools,
        pulse: Pulse,
        clock: Clock,
        timezone: str,
        force: InForce,
        channels: Channels,
        desk: Desk,
        configs_changed: Changed | None = None,
        xxl: XxlControl | None = None,
    ) -> None:
        """*xxl* controls the jobs of Admins; None: there are none."""
        section = self._section = settings.scheduler
        secrets = SecretBox.of(settings)
        self._configs_changed = configs_changed
        nobody = NoAdmins()
        self._xxl = xxl or XxlControl(storage.engine, nobody, mirror=nobody)
        self._peers = Peers(storage.engine, secrets)
        self._configs = ConfigService(storage.engine, secrets, changed=configs_changed)
        self.inbox = Inbox(storage.engine)
        self._whom = Whom(force, desk=desk, people=people_of(section.tokens))
        self._channels = ChannelService(
            storage.engine, secrets, channels, desk=desk, whom=self._whom, clock=clock
        )
        self._storage = storage
        self._executor = executor
        self._control = control
        self._pools = pools
        self._clock = clock
        self._timezone = timezone
        tokens = Tokens(section.tokens, clock, peer_token=peer_token(secrets))
        self.made_token = tokens.made
        """The text of the token that was made because none was configured; else empty."""
        endpoints = endpoints_of_all(self._groups())
        self.application = build(endpoints, tokens, pulse, welcome=self._welcome)
        self.application.router.add_get("/health", Health(storage, executor).answer)
        Docs(endpoints, prefix=PREFIX).add_to(self.application.router)

    async def listen(self) -> int:
        """Serve; the port, for those who asked for port 0. Raise StartRefused."""
        self._runner = web.AppRunner(
            self.application,
            access_log=None,
            logger=_QUIET,
            keepalive_timeout=90,
            lingering_time=1,
            shutdown_timeout=2,
            max_line_size=16 * 1024,
        )
        await self._runner.setup()
        server = self._runner.server
        assert server is not None
        self._door = Door(server)
        host, port = self._section.host, self._section.port
        try:
            port = await self._door.listen(host, port)
        except OSError as error:
            raise port_refused("scheduler", host, port, error) from None
        self._print_token()
        return port

    async def close(self) -> None:
        self._door.close()
        self._streams.close()
        await self._peers.close()
        await self._runner.cleanup()

    def _welcome(self, inner: Inner) -> None:
        self._door.welcome(inner)

    def _groups(self) -> Sequence[object]:
        """The endpoints, by what they are about."""
        database, clock, timezone = self._storage.engine, self._clock, self._timezone
        executor, control = self._executor, self._control
        jobs = JobService(database, clock, timezone=timezone, configs_changed=self._configs_changed)
        runs = RunList(database)
        desk = JobDesk(database, jobs, self._xxl.jobs)
        service = RunService(database, control, admins=self._xxl.runs, known=runs)
        text = RunText(executor, runs, self._peers)
        self._streams = Streams(text)
        counts = statistics.Statistics(database, clock, timezone=timezone)
        return [
            Jobs(jobs, desk=desk, runs=service, explainer=self._explainer(runs)),
            Logs(runs, jobs=jobs, control=service, text=text, streams=self._streams),
            Statistics(counts, self._pools),
            Configs(self._configs, jobs),
            Schedule(self._handlers, clock, timezone=timezone),
            Calendars(CalendarService(database, jobs)),
            Alarms(Notices(database, clock, timezone=timezone)),
            AlarmRules(RuleService(database, self._whom, timezone=timezone)),
            AlarmChannels(self._channels, timezone=timezone),
            Messages(self.inbox, self._streams, timezone=timezone),
            Audit(database, timezone=timezone),
        ]

    @property
    def _handlers(self) -> HandlerTable | None:
        return self._executor.handlers if self._executor is not None else None

    def _explainer(self, runs: RunList) -> Explainer:
        return Explainer(self._storage.engine, runs, self._clock, handlers=self._handlers)

    def _print_token(self) -> None:
        """Tell the person at the terminal, and no log, the token that was made."""
        if self.made_token:
            sys.stderr.write(
                "no scheduler.tokens are set; until the end of this process, on this machine:\n"
                f"  Authorization: Bearer {self.made_token}\n"
            )
            sys.stderr.flush()
