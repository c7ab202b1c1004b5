"""What people do with jobs: each a transaction that checks, writes, audits and announces."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from executor.clock import Clock, moment
from scheduler import audit, dependency_store, job_store
from scheduler.changes import announce
from scheduler.configs import Changed
from scheduler.job import Engine, Job, JobStatus, ScheduleType
from scheduler.job_control import (
    Action,
    after,
    refuse_fixed,
    refuse_foreign,
    refuse_without_future,
)
from scheduler.job_reader import JobReader, refuse_unknown
from scheduler.job_rule import (
    NextFires,
    checked,
    next_times,
    refuse_endless_wait,
    refuse_past,
    same_rule,
    skipped_times,
    waits_endlessly,
)
from scheduler.job_schedule import calendar_of, drop_planned, scheduled
from scheduler.job_store import MASK, JobFilter, plain
from scheduler.lists import listing
from scheduler.refusal import Conflict, Invalid, NotFound

_LOOK_AHEAD = timedelta(days=366)


class JobService:
    """Reads all jobs; creates, changes, controls and deletes those of engine local."""

    def __init__(
        self,
        engine: AsyncEngine,
        clock: Clock,
        *,
        timezone: str,
        configs_changed: Changed | None = None,
    ) -> None:
        """*timezone* is the zone of jobs that name none, and of the day in a job's number.

        *configs_changed* is awaited after each commit that may have changed configs of a job.
        """
        self._engine = engine
        self._clock = clock
        self.timezone = timezone
        self._configs_changed = configs_changed
        self._reader = JobReader(engine)

    async def get(self, job_id: int) -> Job:
        """The job. Raise NotFound."""
        return found(await self._reader.find(job_id), job_id)

    async def refuse_unknown(self, job_id: int) -> None:
        """Raise NotFound for a job that never was."""
        await refuse_unknown(self._engine, job_id)

    async def page(
        self, wanted: JobFilter, *, size: int, skip: int, before: int | None
    ) -> tuple[Sequence[Job], int]:
        """Some of the jobs, newest first, and how many there are in all."""
        async with listing(self._engine) as connection:
            jobs = await job_store.page(connection, wanted, size=size, skip=skip, before=before)
            return jobs, await job_store.count(connection, wanted)

    async def all(self, wanted: JobFilter) -> Sequence[Job]:
        """All of them, oldest first."""
        async with listing(self._engine) as connection:
            return await job_store.find_all(connection, wanted)

    async def create(self, job: Job) -> Job:
        """Store *job* as a new one: its row, its configs, its statistics. Raise Invalid."""
        async with self._engine.begin() as connection:
            created = await self._create(connection, job)
        await self._tell(created.id, created.configs)
        return created

    async def create_all(self, jobs: Sequence[Job]) -> list[Job]:
        """Store all of *jobs*, which were kept elsewhere, or none; those that are over stopped.

        Raises Invalid, whose place is the job's in *jobs*.
        """
        created = []
        async with self._engine.begin() as connection:
            for place, job in enumerate(jobs):
                try:
                    created.append(await self._create(connection, job, kept=True))
                except Invalid as refusal:
                    raise refusal.at(f"jobs.{place}.") from None
        for job in created:
            await self._tell(job.id, job.configs)
        return created

    async def update(self, job_id: int, version: int, changes: Mapping[str, Any]) -> Job:
        """Write *changes* to the job as it was at *version*; its next run is found anew.

        Raises NotFound, Invalid, and Conflict when somebody else has changed it since.
        """
        turn = "depends_on" in changes
        async with self._changing(job_id, "update", changes, turn=turn) as (connection, old, _):
            if version != old.version:
                raise Conflict(f"version {version} is not the current one: it is {old.version}")
            refuse_fixed(old, changes)
            job = checked(replace(old, **changes, version=old.version + 1), old)
            await dependency_store.check(connection, job, known=old.depends_on)
            await refuse_secrets(connection, job_id, changes.get("configs", {}))
            moved = (old.schedule_type, old.run_at) != (job.schedule_type, job.run_at)
            if moved:
                refuse_past(job, self._now())
            if not same_rule(old, job):
                job = await scheduled(connection, old, job, now=self._now())
                if moved or old.next_run_time or job.schedule_type is not ScheduleType.ONCE:
                    refuse_endless_wait(job)  # else its only time has come, and it may be running
            await job_store.save(connection, job)
            if "depends_on" in changes:
                await dependency_store.set_parents(connection, job_id, job.depends_on)
            if "configs" in changes:
                await job_store.set_configs(connection, job_id, job.configs)
                await announce(connection, "config", job_id)
        await self._tell(job_id, changes.get("configs"))
        return await self.get(job_id)

    async def delete(self, job_id: int) -> None:
        """Delete the job logically, and its configs; it is not scheduled any more.

        Raises NotFound, and Conflict while other jobs depend on it: they would wait in vain.
        """
        async with self._changing(job_id, "delete", turn=True) as (connection, _, told):
            if children := await dependency_store.children_of(connection, job_id):
                raise Conflict(f"jobs depend on it: {', '.join(map(str, children))}")
            told |= await drop_planned(connection, job_id, deleted=True)
            await job_store.mark_deleted(connection, job_id)
            await announce(connection, "config", job_id)

    async def control(self, job_id: int, action: Action) -> Job:
        """Start, stop, pause or resume. Raise Conflict when its status does not allow it.

        What stop and pause drop of what was planned is in the audit.
        """
        async with self._changing(job_id, action) as (connection, old, told):
            status = after(action, old.status)
            job = replace(old, status=status, version=old.version + 1, next_run_time=None)
            if status is JobStatus.RUNNING:
                job = await scheduled(connection, old, job, now=self._now())
                refuse_without_future(job)
            else:
                told |= await drop_planned(connection, job_id)
            return await job_store.save(connection, job)

    async def next_fires(self, job_id: int, most: int) -> NextFires:
        """When the job's rule is due next, and which of its times its calendar takes away."""
        async with self._engine.connect() as connection:
            job = found(await job_store.find(connection, job_id), job_id)
            calendar = await calendar_of(connection, job)
        now = self._now()
        times = next_times(job, now, most, calendar=calendar)
        until = times[-1] if times else max(now + _LOOK_AHEAD, job.run_at or now)
        skipped = skipped_times(job, now, until, calendar=calendar) if calendar else []
        return NextFires(job, times, skipped)

    async def reschedule(self, connection: AsyncConnection, job_id: int) -> None:
        """Find the job's next run anew: something that its rule depends on has changed."""
        job = await job_store.find(connection, job_id, lock=True)
        if job is not None and job.engine is Engine.LOCAL:
            job = await scheduled(connection, job, job, now=self._now())
            await job_store.save(connection, job)
            await announce(connection, "job", job_id)

    async def _create(self, connection: AsyncConnection, job: Job, *, kept: bool = False) -> Job:
        """One that was *kept* may have had all its times since: it is stopped, not refused."""
        refuse_foreign(job)
        job = checked(replace(job, configs=plain(job.configs)), None)
        if not kept:
            refuse_past(job, self._now())
        await dependency_store.check(connection, job)
        job = await scheduled(connection, job, job, now=self._now())
        if kept and waits_endlessly(job):
            job = replace(job, status=JobStatus.STOPPED)
        refuse_endless_wait(job)
        today = self._now().astimezone(ZoneInfo(self.timezone))
        job = await job_store.add(connection, job, today=f"{today:%Y%m%d}")
        await audit.record(
            connection, "create", subject="job", subject_id=job.id, detail={"jobNo": job.job_no}
        )
        await announce(connection, "job", job.id)
        if job.configs:
            await announce(connection, "config", job.id)
        return job

    @asynccontextmanager
    async def _changing(
        self,
        job_id: int,
        action: str,
        changes: Mapping[str, Any] | None = None,
        *,
        turn: bool = False,
    ) -> AsyncIterator[tuple[AsyncConnection, Job, dict[str, object]]]:
        """A transaction on the locked job, audited with what is put into the third; announced.

        With *turn*, nobody else changes who depends on whom meanwhile.
        """
        async with self._engine.begin() as connection:
            if turn:
                await dependency_store.take_turn(connection)
            job = found(await job_store.find(connection, job_id, lock=True), job_id)
            refuse_foreign(job)
            told: dict[str, object] = (
                {"changed": sorted(changes)} if changes else {"was": job.status}
            )
            yield connection, job, told
            await audit.record(connection, action, subject="job", subject_id=job_id, detail=told)
            await announce(connection, "job", job_id)

    async def _tell(self, job_id: int, configs: Mapping[str, str] | None) -> None:
        if configs is not None and self._configs_changed is not None:
            await self._configs_changed(job_id)

    def _now(self) -> datetime:
        return moment(self._clock.now_ms())


async def refuse_secrets(
    connection: AsyncConnection, job_id: int, configs: Mapping[str, str]
) -> None:
    """A secret comes back masked and stays as it is; it is changed on its own. Raise Invalid.

    The mask for what is no secret would drop its value.
    """
    secrets = await job_store.secret_keys(connection, job_id)
    for key, value in configs.items():
        if key in secrets and value != MASK:
            raise Invalid("configs", f"{key} is secret: set it on its own, through configs")
        if key not in secrets and value == MASK:
            raise Invalid("configs", f"{key} is not secret: {MASK} stands for a secret")


def found(job: Job | None, job_id: int) -> Job:
    """*job*, if there is one. Raise NotFound."""
    if job is None:
        raise NotFound("job", job_id)
    return job
