"""What a change at an Admin leaves here: a status, what only we keep, a row of the audit."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from scheduler import audit, dependency_store, job_store
from scheduler.changes import announce
from scheduler.configs import Changed
from scheduler.job import Job, JobStatus
from scheduler.job_service import found, refuse_secrets
from scheduler.refusal import Conflict
from scheduler.tables import schedule_job

_OURS = ("description", "configs")
"""What of a job no Admin has."""


class Record:
    """The rows of jobs of engine xxl, as far as they are written by people's changes."""

    def __init__(self, engine: AsyncEngine, configs_changed: Changed | None) -> None:
        self._engine = engine
        self._configs_changed = configs_changed

    async def find(self, job_id: int) -> Job:
        """The job. Raise NotFound."""
        async with self._engine.connect() as connection:
            return found(await job_store.find(connection, job_id), job_id)

    async def group_of(self, job_id: int) -> int | None:
        """The id of the Admin's group that the job was seen in; None: it was not seen yet."""
        query = select(schedule_job.c.admin_fields["group_id"].as_integer())
        async with self._engine.connect() as connection:
            found: int | None = await connection.scalar(query.where(schedule_job.c.id == job_id))
            return found

    async def refuse_secrets(self, job_id: int, configs: Mapping[str, str]) -> None:
        """Raise Invalid where *configs* would change a secret."""
        async with self._engine.connect() as connection:
            await refuse_secrets(connection, job_id, configs)

    async def refuse_needed(self, job_id: int) -> None:
        """Raise Conflict while others depend on the job: they would wait in vain."""
        async with self._engine.connect() as connection:
            if children := await dependency_store.children_of(connection, job_id):
                raise Conflict(f"jobs depend on it: {', '.join(map(str, children))}")

    async def created(self, job_id: int, wanted: Job) -> Job:
        """A job was made there as *wanted*; here its row was copied just now."""
        paused = JobStatus.PAUSED if wanted.status is JobStatus.PAUSED else None
        ours = {name: value for name in _OURS if (value := getattr(wanted, name))}
        async with self._changing(job_id, "create", {"cluster": wanted.cluster}) as (rows, job):
            await self._write(rows, job, ours, status=paused)
        return await self._told(job_id, ours)

    async def updated(self, old: Job, changes: Mapping[str, Any]) -> Job:
        """The job that was *old* was changed there; what only we keep is changed now."""
        detail = {"changed": sorted(changes)}
        async with self._changing(old.id, "update", detail) as (rows, job):
            await self._write(rows, _risen(job, old), changes)
        return await self._told(old.id, changes)

    async def controlled(self, old: Job, action: str, status: JobStatus) -> Job:
        """The job that was *old* is *status* by a person's *action*."""
        async with self._changing(old.id, action, {"was": old.status}) as (rows, job):
            await self._write(rows, _risen(job, old), {}, status=status)
        return await self.find(old.id)

    async def deleted(self, job: Job) -> None:
        """The job was removed there."""
        async with self._changing(job.id, "delete", {"was": job.status}) as (rows, _):
            await job_store.mark_deleted(rows, job.id)
            await announce(rows, "config", job.id)
        await self._tell(job.id)

    @asynccontextmanager
    async def _changing(
        self, job_id: int, action: str, detail: Mapping[str, object]
    ) -> AsyncIterator[tuple[AsyncConnection, Job]]:
        """A transaction on the locked row; audited, announced, and newer than what was copied."""
        async with self._engine.begin() as connection:
            yield connection, found(await job_store.find(connection, job_id, lock=True), job_id)
            await connection.execute(
                update(schedule_job)
                .where(schedule_job.c.id == job_id)
                .values(mirrored_at=func.clock_timestamp())
            )
            await audit.record(connection, action, subject="job", subject_id=job_id, detail=detail)
            await announce(connection, "job", job_id)

    async def _write(
        self,
        connection: AsyncConnection,
        job: Job,
        changes: Mapping[str, Any],
        *,
        status: JobStatus | None = None,
    ) -> None:
        job = replace(job, description=changes.get("description", job.description))
        if status is not None:
            next_run = job.next_run_time if status is JobStatus.RUNNING else None
            job = replace(job, status=status, next_run_time=next_run)
        await job_store.save(connection, job)
        if "configs" in changes:
            await job_store.set_configs(connection, job.id, changes["configs"])
            await announce(connection, "config", job.id)

    async def _told(self, job_id: int, changes: Mapping[str, Any]) -> Job:
        if "configs" in changes:
            await self._tell(job_id)
        return await self.find(job_id)

    async def _tell(self, job_id: int) -> None:
        if self._configs_changed is not None:
            await self._configs_changed(job_id)


def _risen(job: Job, old: Job) -> Job:
    """*job* with a version above that of *old*: the copy may have raised it already."""
    return replace(job, version=max(job.version, old.version + 1))
