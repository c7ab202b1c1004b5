"""The demo: the real service, a played Admin that triggers the samples, and what comes of it."""

from __future__ import annotations

import asyncio
import html
import itertools
import sys
from typing import NamedTuple

from sqlalchemy import text

from executor.background import failing
from executor.testing.fake_admin import FakeAdmin
from scheduler.app import SchedulerApp
from scheduler.demo_jobs import DemoJobs, Expectation
from scheduler.sections import DatabaseSection
from scheduler.settings import Settings

_FOLDER = "demo"
_EVERY_S = 1.0
_WITHIN_S = 30.0


class Sample(NamedTuple):
    """One trigger of the demo, and what has to come of it."""

    job_id: int
    handler: str
    params: str
    state: str


SAMPLES = (
    Sample(1, "sampleAsync", "", "succeeded"),
    Sample(2, "sampleThread", "", "succeeded"),
    Sample(3, "sampleProcess", "", "succeeded"),
    Sample(4, "sampleSharding", "", "succeeded"),
    Sample(5, "sampleParams", "city=Berlin days=3", "succeeded"),
    Sample(6, "sampleText", "spoken aloud", "succeeded"),
    Sample(7, "sampleFail", "", "failed"),
)

_ROWS = text("""
    SELECT l.status, l.duration_ms, j.job_no FROM qooerp_scheduler.schedule_log l
    JOIN qooerp_scheduler.schedule_job j ON j.id = l.job_id
    WHERE l.cluster = 'default' AND l.admin_log_id = :log_id
    ORDER BY l.trigger_time DESC LIMIT 1""")


class Demo:
    """A service (`executor.lifetime.Service`) that shows itself."""

    def __init__(self, settings: Settings, *, once: bool) -> None:
        self._plays_admin = not settings.clusters()
        self._settings = _apart(settings)
        self._once = once
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.exit_code = 0

    async def start(self) -> None:
        _say("starting PostgreSQL and the service …")
        _say(
            f"data:      {self._settings.data_dir.absolute()} (the demo's alone: no other command looks there)"
        )
        if self._plays_admin:
            self._admin = FakeAdmin("3.4", app_name=self._settings.executor.app_name)
            await self._admin.__aenter__()
        self._app = SchedulerApp(self._served())
        self._app.failed.add_done_callback(failing(self.failed))
        await self._app.start()
        _say(f"API:       http://127.0.0.1:{self._app.port}/docs   health: …/health")
        _say(f"psql:      {self._app.storage.psql_hint()}")
        self._showing = asyncio.create_task(self._show())
        self._showing.add_done_callback(self._note_end)

    async def stop(self, *, hurry: asyncio.Event) -> None:
        self._showing.cancel()
        await self._app.stop(hurry=hurry)
        if self._plays_admin:
            await self._admin.__aexit__()

    def _served(self) -> Settings:
        """The settings, pointed at the played Admin, which needs no time to notice an end."""
        if not self._plays_admin:
            return self._settings
        admin = self._settings.admin.model_copy(update={"addresses": self._admin.url})
        executor = self._settings.executor.model_copy(update={"drain_seconds": 0})
        return self._settings.model_copy(update={"admin": admin, "executor": executor})

    async def _show(self) -> None:
        token = self._app.site.made_token
        jobs = DemoJobs(f"http://127.0.0.1:{self._app.port}", token) if token else None
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._show_admin())
                if jobs is not None:
                    group.create_task(self._show_engine(jobs))
        finally:
            if jobs is not None:
                await jobs.close()
        _say("all went as planned" if not self.exit_code else "NOT everything went as planned")

    async def _show_admin(self) -> None:
        if not self._plays_admin:
            _say(f"serving {', '.join(self._settings.clusters()[0].addresses)}; Ctrl-C ends it")
            return
        address = await self._admin.registered()
        _say(f"registered: {address} at the played Admin {self._admin.url}")
        for sample in SAMPLES if self._once else itertools.cycle(SAMPLES):
            try:
                as_planned = await self._trigger(sample)
            except TimeoutError:
                _say(f"✗ {sample.handler}: no result within {_WITHIN_S:.0f} s")
                as_planned = False
            self.exit_code |= not as_planned
            if not self._once:
                await asyncio.sleep(_EVERY_S)

    async def _show_engine(self, jobs: DemoJobs) -> None:
        """Have the engine fire jobs of its own; with `--once`, until each has run as it should."""
        await jobs.make()
        expectation = Expectation()
        try:
            async with asyncio.timeout(_WITHIN_S if self._once else None):
                async for run in jobs.runs():
                    _say(
                        f"engine  {run['id']:4} {run['handlerName']:15} "
                        f"← {run['jobName']!r:28} {run['triggerType']:10} attempt {run['attempt']}"
                        f" → {run['status']} {run['durationMs']} ms"
                    )
                    if expectation.see(run) and self._once:
                        break
        except TimeoutError:
            _say(f"✗ the engine's jobs have not all run within {_WITHIN_S:.0f} s")
            self.exit_code = 1
        self.exit_code |= expectation.wrong

    def _note_end(self, showing: asyncio.Task[None]) -> None:
        failing(self.failed)(showing)
        if self._once and not (showing.cancelled() or self.failed.done()):
            self.failed.set_result(None)

    async def _trigger(self, sample: Sample) -> bool:
        log_id = await self._admin.trigger(sample.handler, sample.params, job_id=sample.job_id)
        row = await self._admin.finished(log_id, within=_WITHIN_S)
        status, duration, job_no = await self._recorded(log_id)
        _say(
            f"trigger {log_id:4} {sample.handler:15} → callback {row.handle_code} "
            f"{html.unescape(row.handle_msg or '')[:40]!r:42} → schedule_log: {job_no} {status} {duration} ms"
        )
        return bool(status == sample.state)

    async def _recorded(self, log_id: int) -> tuple[str, int, str]:
        """The row that PostgreSQL has of this run, once it has ended."""
        async with asyncio.timeout(_WITHIN_S):
            while True:
                async with self._app.storage.engine.connect() as connection:
                    found = (await connection.execute(_ROWS, {"log_id": log_id})).one_or_none()
                if found is not None and found.status not in ("queued", "running"):
                    return found.status, found.duration_ms, found.job_no
                await asyncio.sleep(0.02)


def _apart(settings: Settings) -> Settings:
    """*settings* with a folder and a PostgreSQL that no service uses: its jobs would go on there."""
    database = settings.database.model_copy(update={"url": DatabaseSection().url})
    own = {"data_dir": settings.data_dir / _FOLDER, "database": database}
    return settings.model_copy(update=own)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
