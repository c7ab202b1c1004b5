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
from scheduler import audit, calendar_store, dependency_store, job_store
from scheduler.changes import announce
from scheduler.configs import Changed
from scheduler.engine.calendars import Calendar
from scheduler.engine.control import withdraw
from scheduler.engine.dag import find_cycle
from scheduler.engine.plan import first_time
from scheduler.engine.rules import BadSchedule
from scheduler.job import Engine, Job, JobStatus
from scheduler.job_control import (
    Action,
    after,
    refuse_fixed,
    refuse_foreign,
    refuse_without_future,
)
from scheduler.job_reader import JobReader, refuse_unknown
from scheduler.job_rule import NextFires, checked, next_times, same_rule, skipped_times
from scheduler.job_store import MASK, JobFilter, plain
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
        async with self._engine.connect() as connection:
            jobs = await job_store.page(connection, wanted, size=size, skip=skip, before=before)
            return jobs, await job_store.count(connection, wanted)

    async def all(self, wanted: JobFilter) -> Sequence[Job]:
        """All of them, oldest first."""
        async with self._engine.connect() as connection:
            return await job_store.find_all(connection, wanted)

    async def create(self, job: Job) -> Job:
        """Store *job* as a new one: its row, its configs, its statistics. Raise Invalid."""
        (created,) = await self.create_all([job])
        return created

    async def create_all(self, jobs: Sequence[Job]) -> list[Job]:
        """Store all of *jobs*, or none. Raise Invalid."""
        async with self._engine.begin() as connection:
            created = [await self._create(connection, job) for job in jobs]
        for job in created:
            await self._tell(job.id, job.configs)
        return created

    async def update(self, job_id: int, version: int, changes: Mapping[str, Any]) -> Job:
        """Write *changes* to the job as it was at *version*; its next run is found anew.

        Raises NotFound, Invalid, and Conflict when somebody else has changed it since.
        """
        async with self._changing(job_id, "update", changes) as (connection, old):
            if version != old.version:
                raise Conflict(f"version {version} is not the current one: it is {old.version}")
            refuse_fixed(old, changes)
            job = checked(replace(old, **changes, version=old.version + 1))
            await self._check(connection, job)
            await refuse_secrets(connection, job_id, job.configs)
            if not same_rule(old, job):
                job = await self._scheduled(connection, job)
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
        async with self._changing(job_id, "delete") as (connection, _):
            if children := await dependency_store.children_of(connection, job_id):
                raise Conflict(f"jobs depend on it: {', '.join(map(str, children))}")
            await withdraw(connection, job_id)
            await job_store.mark_deleted(connection, job_id)
            await announce(connection, "config", job_id)

    async def control(self, job_id: int, action: Action) -> Job:
        """Start, stop, pause or resume. Raise Conflict when its status does not allow it."""
        async with self._changing(job_id, action) as (connection, old):
            job = replace(old, status=after(action, old.status), version=old.version + 1)
            job = await self._scheduled(connection, job)
            if job.status is JobStatus.RUNNING:
                refuse_without_future(job)
            await job_store.save(connection, job)
        return job

    async def next_fires(self, job_id: int, most: int) -> NextFires:
        """When the job's rule is due next, and which of its times its calendar takes away."""
        async with self._engine.connect() as connection:
            job = found(await job_store.find(connection, job_id), job_id)
            calendar = await self._calendar(connection, job)
        now = self._now()
        times = next_times(job, now, most, calendar=calendar)
        until = times[-1] if times else now + _LOOK_AHEAD
        skipped = skipped_times(job, now, until, calendar=calendar) if calendar else []
        return NextFires(job, times, skipped)

    async def reschedule(self, connection: AsyncConnection, job_id: int) -> None:
        """Find the job's next run anew: something that its rule depends on has changed."""
        job = await job_store.find(connection, job_id, lock=True)
        if job is not None and job.engine is Engine.LOCAL:
            await job_store.save(connection, await self._scheduled(connection, job))
            await announce(connection, "job", job_id)

    async def _create(self, connection: AsyncConnection, job: Job) -> Job:
        refuse_foreign(job)
        job = checked(replace(job, configs=plain(job.configs)))
        await self._check(connection, job)
        job = await self._scheduled(connection, job)
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
        self, job_id: int, action: str, changes: Mapping[str, Any] | None = None
    ) -> AsyncIterator[tuple[AsyncConnection, Job]]:
        """A transaction on the locked job; audited and announced."""
        async with self._engine.begin() as connection:
            if changes and "depends_on" in changes:
                await dependency_store.take_turn(connection)
            job = found(await job_store.find(connection, job_id, lock=True), job_id)
            refuse_foreign(job)
            yield connection, job
            await audit.record(
                connection,
                action,
                subject="job",
                subject_id=job_id,
                detail={"changed": sorted(changes)} if changes else {"was": job.status},
            )
            await announce(connection, "job", job_id)

    async def _check(self, connection: AsyncConnection, job: Job) -> None:
        """Raise Invalid unless what *job* names exists, and makes no circle."""
        if not job.depends_on:
            return
        if unknown := await job_store.missing(connection, job.depends_on):
            raise Invalid("depends_on", f"there is no job {', '.join(map(str, unknown))}")
        await dependency_store.take_turn(connection)
        cycle = find_cycle(await dependency_store.all_parents(connection), job.id, job.depends_on)
        if job.id and cycle:
            raise Invalid("depends_on", f"this makes a circle: {' → '.join(map(str, cycle))}")

    async def _scheduled(self, connection: AsyncConnection, job: Job) -> Job:
        """*job* with the time of its next run, the only one planned: just a running one has any."""
        await withdraw(connection, job.id)
        calendar = await self._calendar(connection, job)
        try:
            following = first_time(job, self._now(), calendar=calendar)
        except BadSchedule as error:
            raise Invalid("schedule_type", str(error)) from None
        return replace(job, next_run_time=following if job.status is JobStatus.RUNNING else None)

    async def _calendar(self, connection: AsyncConnection, job: Job) -> Calendar | None:
        if job.calendar_name is None:
            return None
        calendar = await calendar_store.find(connection, job.calendar_name)
        if calendar is None:
            raise Invalid("calendar_name", f"there is no calendar {job.calendar_name!r}")
        return calendar

    async def _tell(self, job_id: int, configs: Mapping[str, str] | None) -> None:
        if configs is not None and self._configs_changed is not None:
            await self._configs_changed(job_id)

    def _now(self) -> datetime:
        return moment(self._clock.now_ms())


async def refuse_secrets(
    connection: AsyncConnection, job_id: int, configs: Mapping[str, str]
) -> None:
    """A secret comes back masked and stays as it is; it is changed on its own. Raise Invalid."""
    secrets = await job_store.secret_keys(connection, job_id)
    for key, value in configs.items():
        if key in secrets and value != MASK:
            raise Invalid("configs", f"{key} is secret: set it on its own, through configs")


def found(job: Job | None, job_id: int) -> Job:
    """*job*, if there is one. Raise NotFound."""
    if job is None:
        raise NotFound("job", job_id)
    return job
