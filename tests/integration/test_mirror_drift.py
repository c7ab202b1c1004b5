"""Hours of an Admin's life in simulated time, and the copy compared with it row by row.

MIRROR_HOURS=24 makes a day of them, MIRROR_SEED others.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine

from admin_bridge.console import AdminLog, ConsoleUnreachable
from executor.model import Report, RunState
from scheduler.mirror.log_entry import state_of
from scheduler.mirror_settings import MirrorSection
from scheduler.recorder import Recorder
from tests.integration.memory_admin import T0, MemoryAdmin
from tests.integration.mirror_stage import Stage
from tests.reports import a_report

HOURS = float(os.environ.get("MIRROR_HOURS", "3"))
SEED = int(os.environ.get("MIRROR_SEED", "1"))
SETTINGS = MirrorSection(interval_seconds=60, requests_per_minute=2, page_size=20)
"""A minute instead of ten seconds: a sixth of the steps, and more happens between them."""


@dataclass(slots=True)
class Life:
    """What happens at an Admin and at our executor, minute by minute."""

    admin: MemoryAdmin
    recorder: Recorder
    dice: random.Random
    ends: list[tuple[datetime, Callable[[], Report | None]]] = field(default_factory=list)
    away_until: datetime = T0

    async def minute(self, now: datetime) -> None:
        """Let a minute's worth of things happen."""
        self._weather(now)
        for due, end in [one for one in self.ends if one[0] <= now]:
            self.ends.remove((due, end))
            await self._record(end())
        for happening in self.dice.sample([self._run, self._ours, self._chain, self._edit], 2):
            await self._record(happening(now - timedelta(seconds=self.dice.uniform(0, 20))))

    def _weather(self, now: datetime) -> None:
        if self.dice.random() < 0.01:
            self.away_until = now + timedelta(minutes=self.dice.randint(1, 12))
        away = now < self.away_until
        self.admin.fault = ConsoleUnreachable("nobody is there") if away else None

    def _run(self, at: datetime) -> None:
        """A run on another node, a burst of them, or a trigger that fails."""
        job_id = self._job()
        for _ in range(self.dice.choice([1, 1, 1, 60])):
            if self.dice.random() < 0.1:
                self.admin.run(at, job_id=job_id, handle=0, trigger_code=500, address="")
            else:
                self._later(self.admin.run(at, job_id=job_id, handle=0), at)

    def _ours(self, at: datetime) -> Report:
        """A run on our executor, which records it beside the Admin."""
        job_id = self._job()
        log_id = self.admin.run(at, job_id=job_id, handle=0)
        ms = round(at.timestamp() * 1000)
        begun = a_report(
            RunState.RUNNING,
            log_id=log_id,
            job_id=job_id,
            triggered_ms=ms,
            started_ms=ms + 5,
            revision=log_id * 10,
        )
        end_s = self.dice.choice([1, 30, 400, 9000])

        def end() -> Report:
            if log_id in self.admin.logs:
                self.admin.end(log_id, after_s=end_s, message="deleted 3 rows")
            return a_report(
                RunState.SUCCEEDED,
                log_id=log_id,
                job_id=job_id,
                triggered_ms=ms,
                started_ms=ms + 5,
                ended_ms=ms + end_s * 1000,
                revision=log_id * 10 + 1,
            )

        self.ends.append((at + timedelta(seconds=end_s), end))
        return begun

    def _chain(self, at: datetime) -> None:
        """A run that fails, and its retries."""
        job_id = self._job(retry_count=2)
        for attempt in range(3):
            when = at + timedelta(seconds=8 * attempt)
            self.admin.run(when, job_id=job_id, retries_left=2 - attempt, handle=500)

    def _edit(self, _: datetime) -> None:
        """People at work in the console."""
        match self.dice.randint(0, 5):
            case 0:
                self.admin.job(max(self.admin.jobs) + 1)
            case 1 if len(self.admin.jobs) > 3:
                gone = self._job()
                del self.admin.jobs[gone]
                for log_id in [one.id for one in self.admin.logs.values() if one.job_id == gone]:
                    del self.admin.logs[log_id]
            case 2:
                self.admin.job(self._job(), running=True)
            case _:
                self.admin.job(self._job(), params=f"n={self.dice.random()}")

    def _later(self, log_id: int, at: datetime) -> None:
        end_s = self.dice.choice([1, 5, 50, 700, 6000])
        code = self.dice.choice([200, 200, 200, 500, 502])

        def end() -> None:
            if log_id in self.admin.logs:
                self.admin.end(log_id, code, after_s=end_s)

        self.ends.append((at + timedelta(seconds=end_s), end))

    def _job(self, **fields: object) -> int:
        wanted = [one.id for one in self.admin.jobs.values() if not fields or one.id <= 2]
        job_id = self.dice.choice(wanted or list(self.admin.jobs))
        if fields:
            self.admin.job(job_id, **fields)  # type: ignore[arg-type]
        return job_id

    async def _record(self, report: Report | None) -> None:
        if report is not None:
            await self.recorder.record([report])


async def test_in_the_end_the_copy_is_the_admins_row_by_row(
    engine: AsyncEngine, sql: asyncpg.Connection
) -> None:
    dice = random.Random(SEED)
    admin = MemoryAdmin(rounds=dice.random() < 0.5)
    for job_id in range(1, 6):
        admin.job(job_id)
    life = Life(admin, Recorder(engine, address="http://ours:9999"), dice)
    stage = Stage(sql, admin, SETTINGS)
    while stage.time.passed_s < HOURS * 3600:
        minute = stage.time.passed_s + 60
        await life.minute(stage.time.now)
        if dice.random() < 0.005:
            stage.restart()
        while stage.time.passed_s < minute:
            await stage.step()
    for _, end in life.ends:
        if report := end():
            await life.recorder.record([report])
    admin.fault = None
    requests = admin.requests

    await stage.go(3 * 3600)

    assert await differences(stage) == []
    final = [log for log in admin.logs.values() if state_of(log).is_final]
    assert len(final) == len(admin.logs)
    assert (await stage.counted())[0] == len(await stage.runs())
    assert requests < 20 * HOURS * 60


async def differences(stage: Stage) -> list[object]:
    """What of the Admin is here otherwise, or not at all, or twice."""
    query = "run.admin_log_id, run.status, result_code, trigger_time, job.admin_job_id"
    runs = await stage.connection.fetch(
        f"SELECT {query} FROM qooerp_scheduler.schedule_log run"
        " JOIN qooerp_scheduler.schedule_job job ON job.id = run.job_id"
    )
    here = {row["admin_log_id"]: row for row in runs}
    assert len(here) == len(runs)
    found: list[object] = [
        (log, dict(here.get(log.id) or {}))
        for log in stage.admin.logs.values()
        if log.id not in here or not _same(log, here[log.id])
    ]
    jobs = {row["admin_job_id"]: row for row in await stage.jobs(where="deleted_at IS NULL")}
    found += sorted(jobs.keys() ^ stage.admin.jobs.keys())
    for job in stage.admin.jobs.values():
        row = jobs.get(job.id)
        if row is None or (row["params"], row["status"] == "running") != (
            job.fields.params,
            job.running,
        ):
            found.append(job)
    return found


def _same(log: AdminLog, row: asyncpg.Record) -> bool:
    near = abs((row["trigger_time"] - log.triggered_at).total_seconds()) < 1
    code = log.handle_code or log.trigger_code
    told = replace(log, id=row["admin_log_id"], job_id=row["admin_job_id"])
    return near and told == log and (row["status"], row["result_code"]) == (state_of(log), code)
