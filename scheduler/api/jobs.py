"""The endpoints of jobs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from scheduler.api.bulk_shapes import Batch, Export, Import, Outcome
from scheduler.api.cursor import read_cursor, write_cursor
from scheduler.api.endpoint import Role, delete, get, post, put
from scheduler.api.job_shapes import (
    Executed,
    Execution,
    ExplanationTold,
    FiresQuery,
    FiresTold,
    JobChange,
    JobNew,
    JobQuery,
    JobTold,
    ReasonTold,
    SkippedTold,
)
from scheduler.api.shapes import JobPath, Page
from scheduler.explain import reasons_of
from scheduler.explain_facts import Explainer
from scheduler.job import Engine, Job
from scheduler.job_control import Action
from scheduler.job_service import JobService
from scheduler.job_store import JobFilter
from scheduler.lists import Total
from scheduler.run_service import RunService
from scheduler.xxl.desk import JobDesk


class Jobs:
    """Jobs: what may be run, when and how."""

    def __init__(
        self, service: JobService, *, desk: JobDesk, runs: RunService, explainer: Explainer
    ) -> None:
        self._jobs = service
        self._desk = desk
        self._runs = runs
        self._explainer = explainer

    @post("/jobs")
    async def create(self, body: JobNew) -> JobTold:
        """Make a job.

        Its row, its configs and its statistics are made in one transaction. It is stopped, unless
        `status` says that it is running.
        """
        return _told(await self._desk.create(body.job(self._jobs.timezone)))

    @get("/jobs/{id}")
    async def read(self, path: JobPath) -> JobTold:
        """Read a job."""
        return _told(await self._jobs.get(path.id))

    @get("/jobs")
    async def find(self, query: JobQuery) -> Page[JobTold]:
        """List jobs, newest first, by page or by cursor."""
        before = read_cursor(query.cursor, 1)[0] if query.cursor else None
        jobs, total = await self._jobs.page(
            _filter(query), size=query.reads, skip=query.skip, before=before
        )
        return Page[JobTold].of(
            jobs,
            Total(total, True),
            query,
            told=_told,
            cursor=lambda job: write_cursor(job.id),
            by_number=total,
        )

    @put("/jobs/{id}")
    async def update(self, path: JobPath, body: JobChange) -> JobTold:
        """Change a job; what is left out stays as it is.

        `version` has to be the one that was read (409 when somebody was faster). The time of its
        next run is found anew.
        """
        return _told(await self._desk.update(path.id, body.version, body.changes()))

    @delete("/jobs/{id}")
    async def delete(self, path: JobPath) -> None:
        """Delete a job: it is no longer scheduled, its configs go, its runs stay."""
        await self._desk.delete(path.id)

    @post("/jobs/{id}/start")
    async def start(self, path: JobPath) -> JobTold:
        """Start a stopped job: from now on its rule makes it run."""
        return _told(await self._desk.control(path.id, Action.START))

    @post("/jobs/{id}/stop")
    async def stop(self, path: JobPath) -> JobTold:
        """Stop a running or paused job. What runs already goes on."""
        return _told(await self._desk.control(path.id, Action.STOP))

    @post("/jobs/{id}/pause")
    async def pause(self, path: JobPath) -> JobTold:
        """Pause a running job: times that pass meanwhile are not made up for."""
        return _told(await self._desk.control(path.id, Action.PAUSE))

    @post("/jobs/{id}/resume")
    async def resume(self, path: JobPath) -> JobTold:
        """Resume a paused job."""
        return _told(await self._desk.control(path.id, Action.RESUME))

    @post("/jobs/execute", asked_only="An Admin was asked for the run, and its id is not known")
    async def execute(self, body: Execution) -> Executed:
        """Run a job now, whatever its status; its schedule goes on as it was.

        Of a job of an Admin it is 202 when the Admin took it and does not show the run in time.
        """
        return Executed(log_id=await self._runs.execute(body.job_id, body.params))

    @post("/jobs/batch/start")
    async def start_all(self, body: Batch) -> Sequence[Outcome]:
        """Start several jobs, each on its own."""
        return await self._each(body, Action.START)

    @post("/jobs/batch/stop")
    async def stop_all(self, body: Batch) -> Sequence[Outcome]:
        """Stop several jobs, each on its own."""
        return await self._each(body, Action.STOP)

    @get("/jobs/export")
    async def export(self, query: JobQuery) -> Export:
        """Give the local jobs that are wanted, so that they can be imported elsewhere.

        Numbers, statistics, secrets and dependencies stay here; `current`, `size` and `cursor` do not matter.
        """
        wanted = replace(_filter(query), engine=Engine.LOCAL)
        return Export.model_validate({"jobs": await self._jobs.all(wanted)})

    @post("/jobs/import", role=Role.ADMIN)
    async def import_(self, body: Import) -> Sequence[JobTold]:
        """Make several jobs, all or none.

        One that would never be due any more, such as a `once` whose time has passed, is made stopped.
        """
        new = [job.job(self._jobs.timezone) for job in body.jobs]
        return [_told(job) for job in await self._jobs.create_all(new)]

    @get("/jobs/{id}/next-fires")
    async def next_fires(self, path: JobPath, query: FiresQuery) -> FiresTold:
        """Tell when a job is due next, were it running, and which times its calendar takes away."""
        job, times, skipped = await self._jobs.next_fires(path.id, query.count)
        return FiresTold(
            timezone=job.timezone,
            status=job.status,
            fires=list(times),
            skipped=[SkippedTold.model_validate(one) for one in skipped],
        )

    @get("/jobs/{id}/explain")
    async def explain(self, path: JobPath) -> ExplanationTold:
        """Say why a job did or did not run, and what it is waiting for."""
        facts = await self._explainer.facts(path.id)
        job = _told(facts.job)
        return ExplanationTold(
            job_id=job.id,
            status=job.status,
            next_run_time=job.next_run_time,
            engines=facts.engines,
            reasons=[ReasonTold.model_validate(reason) for reason in reasons_of(facts)],
        )

    async def _each(self, body: Batch, action: Action) -> Sequence[Outcome]:
        outcomes = await self._desk.control_all(body.ids, action)
        return [
            Outcome(id=job_id, ok=refusal is None, message=refusal or "success")
            for job_id, refusal in outcomes
        ]


def _told(job: Job) -> JobTold:
    return JobTold.model_validate(job)


def _filter(query: JobQuery) -> JobFilter:
    return JobFilter(**query.model_dump(exclude={"current", "size", "cursor"}))
