"""What people do with runs: begin one, stop one; the engine does it, the audit says who asked."""

from __future__ import annotations

from contextlib import suppress
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncEngine

from executor.model import LOCAL
from scheduler import audit, job_store
from scheduler.database import STATEMENT_FAILED
from scheduler.job import Engine, Job
from scheduler.job_service import found
from scheduler.refusal import Conflict
from scheduler.run_list import Run, RunList


class Runs(Protocol):
    """What the engine does for people."""

    async def execute(self, job_id: int, params: str | None) -> int | None:
        """Run a local job now; the log id, or None: it is no job that runs here.

        That somebody asked is on record before anything else. Raises Conflict with the reason
        when it will not run.
        """
        ...

    async def kill(self, log_id: int) -> bool:
        """Stop a run, queued or running, on whatever replica; False: it is not under way."""
        ...


class NoRuns:
    """Stands in where no executor is part of this process."""

    async def execute(self, job_id: int, params: str | None) -> int | None:
        return None

    async def kill(self, log_id: int) -> bool:
        raise Conflict(f"run {log_id} cannot be killed here: this service has no executor")


class AdminRuns(Protocol):
    """What Admins do for people; what they refuse is raised as ConsoleError."""

    async def execute(self, job: Job, params: str | None) -> int:
        """Run a job of engine xxl now; the log id here."""
        ...

    async def kill(self, run: Run) -> bool:
        """Stop a run on whatever node; False: it is not under way."""
        ...


class RunService:
    """Runs that people begin and stop, of jobs of either engine."""

    def __init__(
        self, engine: AsyncEngine, runs: Runs, *, admins: AdminRuns, known: RunList
    ) -> None:
        self._engine = engine
        self._runs = runs
        self._admins = admins
        self._known = known

    async def execute(self, job_id: int, params: str | None) -> int:
        """Run a job now; the log id.

        That somebody asked is on record before it runs, so also when that is refused. Raises
        NotFound, and Conflict with the reason when it will not run.
        """
        log_id = await self._runs.execute(job_id, params)
        return await self._execute_elsewhere(job_id, params) if log_id is None else log_id

    async def _execute_elsewhere(self, job_id: int, params: str | None) -> int:
        async with self._engine.begin() as connection:
            job = found(await job_store.find(connection, job_id), job_id)
            noted = await audit.record(connection, "execute", subject="job", subject_id=job_id)
        if job.engine is Engine.LOCAL:
            raise Conflict(f"job {job_id} cannot be run here: this service has no executor")
        log_id = await self._admins.execute(job, params)
        with suppress(OSError, *STATEMENT_FAILED):  # it has begun, and that is what has to be told
            async with self._engine.begin() as connection:
                await audit.complete(connection, noted, {"logId": log_id})
        return log_id

    async def kill(self, log_id: int) -> bool:
        """Stop a run; False when it was not under way any more. Raise NotFound."""
        async with self._engine.begin() as connection:
            await audit.record(connection, "kill", subject="run", subject_id=log_id)
        run = await self._known.find(log_id)
        if run is not None and run.cluster != LOCAL:
            return await self._admins.kill(run)
        if await self._runs.kill(log_id):
            return True
        await self._known.get(log_id)
        return False
