"""Where people's changes of jobs arrive: each goes to whoever schedules the job."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from admin_bridge.console import ConsoleError
from scheduler import job_store
from scheduler.job import Engine, Job
from scheduler.job_control import Action
from scheduler.job_service import JobService
from scheduler.refusal import NotFound, Refused
from scheduler.xxl.jobs import XxlJobs


class JobDesk:
    """Creates, changes, controls and deletes jobs of either engine."""

    def __init__(self, engine: AsyncEngine, local: JobService, xxl: XxlJobs) -> None:
        self._engine = engine
        self._local = local
        self._xxl = xxl

    async def create(self, job: Job) -> Job:
        """Make *job*. Raise Invalid, and ConsoleError where its Admin will not."""
        return await self._of(job.engine).create(job)

    async def update(self, job_id: int, version: int, changes: Mapping[str, Any]) -> Job:
        """Write *changes* to the job as it was at *version*."""
        return await (await self._find(job_id)).update(job_id, version, changes)

    async def delete(self, job_id: int) -> None:
        await (await self._find(job_id)).delete(job_id)

    async def control(self, job_id: int, action: Action) -> Job:
        """Start, stop, pause or resume."""
        return await (await self._find(job_id)).control(job_id, action)

    async def control_all(self, ids: Sequence[int], action: Action) -> list[tuple[int, str | None]]:
        """Do *action* to each; with each id, why it was refused."""
        return [(job_id, await self._refusal(job_id, action)) for job_id in dict.fromkeys(ids)]

    async def _refusal(self, job_id: int, action: Action) -> str | None:
        try:
            await self.control(job_id, action)
        except (Refused, ConsoleError) as refusal:
            return str(refusal)
        return None

    async def _find(self, job_id: int) -> JobService | XxlJobs:
        async with self._engine.connect() as connection:
            engine = await job_store.engine_of(connection, job_id)
        if engine is None:
            raise NotFound("job", job_id)
        return self._of(engine)

    def _of(self, engine: Engine) -> JobService | XxlJobs:
        return self._xxl if engine is Engine.XXL else self._local
