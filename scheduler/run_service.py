"""What people do with runs: begin one, stop one; the engine does it, the audit says who asked."""

from __future__ import annotations

from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncEngine

from scheduler import audit, job_store
from scheduler.job_control import Action, after, refuse_foreign
from scheduler.job_service import found
from scheduler.refusal import Conflict
from scheduler.run_list import RunList


class Runs(Protocol):
    """What the engine does for people."""

    async def execute(self, job_id: int, params: str | None) -> int:
        """Run a job now; the log id. Raise Conflict with the reason when it will not run."""
        ...

    async def kill(self, log_id: int) -> bool:
        """Stop a run, queued or running, on whatever replica; False: it is not under way."""
        ...


class NoRuns:
    """Stands in where no executor is part of this process."""

    async def execute(self, job_id: int, params: str | None) -> int:
        raise Conflict(f"job {job_id} cannot be run here: this service has no executor")

    async def kill(self, log_id: int) -> bool:
        raise Conflict(f"run {log_id} cannot be killed here: this service has no executor")


class RunService:
    """Runs that people begin and stop."""

    def __init__(self, engine: AsyncEngine, runs: Runs, known: RunList) -> None:
        self._engine = engine
        self._runs = runs
        self._known = known

    async def execute(self, job_id: int, params: str | None) -> int:
        """Run a job now; the log id.

        That somebody asked is on record before the engine is asked, so also when it refuses.
        Raises NotFound, and Conflict with the reason when it will not run.
        """
        async with self._engine.begin() as connection:
            job = found(await job_store.find(connection, job_id), job_id)
            refuse_foreign(job)
            after(Action.EXECUTE, job.status)
            await audit.record(connection, "execute", subject="job", subject_id=job_id)
        return await self._runs.execute(job_id, params)

    async def kill(self, log_id: int) -> bool:
        """Stop a run; False when it was not under way any more. Raise NotFound."""
        async with self._engine.begin() as connection:
            await audit.record(connection, "kill", subject="run", subject_id=log_id)
        killed = await self._runs.kill(log_id)
        if not killed:
            await self._known.get(log_id)
        return killed
