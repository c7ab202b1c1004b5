"""What people do with jobs of engine xxl: done at the Admin, copied here, and on record."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from admin_bridge.console import AdminJob, Console, ConsoleError, JobFields, Unsupported
from scheduler import audit
from scheduler.job import Job, JobStatus
from scheduler.job_control import Action, after, refuse_fixed
from scheduler.refusal import Conflict, NotFound
from scheduler.xxl.admins import Admin, Admins, Mirror, admin_of, chosen, find_job
from scheduler.xxl.mapping import form_of, job_of, merged
from scheduler.xxl.possible import Place, check
from scheduler.xxl.record import Record
from scheduler.xxl.turns import Turns


class XxlJobs:
    """Creates, changes, controls and deletes jobs at Admins.

    Everything here raises ConsoleError when an Admin refuses or is away; nothing is changed here
    then. What it has done is written down here, even when it cannot be asked about it any more.
    """

    def __init__(self, admins: Admins, mirror: Mirror, *, record: Record, turns: Turns) -> None:
        self._admins = admins
        self._mirror = mirror
        self._record = record
        self._turns = turns

    async def create(self, job: Job) -> Job:
        """Make *job* at its Admin; what only we keep of it is kept here. Raise Invalid."""
        job = replace(job, cluster=chosen(job.cluster, self._admins.names))
        admin = await admin_of(self._admins, job.cluster)
        check(job, _place(admin))
        group_id, *_ = await self._admins.group_ids(admin.cluster)
        fields = JobFields(group_id=group_id, author=audit.acting.get().name, **form_of(job))
        admin_job_id = await admin.console.add_job(fields)
        if job.status is JobStatus.RUNNING:
            await _start_or_remove(admin.console, admin_job_id)
        made = _as_made(admin_job_id, fields, running=job.status is JobStatus.RUNNING)
        job_id = await self._copy_done(admin.cluster, admin_job_id, made)
        if job_id is None:
            raise Conflict(f"Admin {admin.cluster} made job {admin_job_id} and has it no more")
        return await self._record.created(job_id, job)

    async def update(self, job_id: int, version: int, changes: Mapping[str, Any]) -> Job:
        """Write *changes* to the job as it was at *version*, there and here.

        Raises NotFound, Invalid, and Conflict when somebody has changed it since, here or there.
        """
        async with self._turns.of(job_id):
            old = await self._record.find(job_id)
            if version != old.version:
                raise Conflict(f"version {version} is not the current one: it is {old.version}")
            refuse_fixed(old, changes)
            await self._record.refuse_secrets(job_id, changes.get("configs", {}))
            await self._update(old, replace(old, **changes))
            return await self._record.updated(old, changes)

    async def delete(self, job_id: int) -> None:
        """Remove the job there, and here as local ones are.

        Raises NotFound, and Conflict while other jobs depend on it.
        """
        async with self._turns.of(job_id):
            job = await self._record.find(job_id)
            await self._record.refuse_needed(job_id)
            admin = await admin_of(self._admins, job.cluster)
            await admin.console.remove_job(_id_of(job))
            await self._record.deleted(job)

    async def control(self, job_id: int, action: Action) -> Job:
        """Start, stop, pause or resume. Raise Conflict when its status does not allow it.

        A pause is a stop that is remembered here.
        """
        async with self._turns.of(job_id):
            job, status = await self._allowed(job_id, action)
            admin = await admin_of(self._admins, job.cluster)
            if status is JobStatus.RUNNING:
                await admin.console.start_job(_id_of(job))
            else:
                await admin.console.stop_job(_id_of(job))
            await self._copy_done(admin.cluster, _id_of(job))
            return await self._record.controlled(job, action, status)

    async def _allowed(self, job_id: int, action: Action) -> tuple[Job, JobStatus]:
        """The job, and what *action* makes of it; the console may have been faster than the copy."""
        job = await self._record.find(job_id)
        with suppress(Conflict):
            return job, after(action, job.status)
        await self._copy_theirs(job)
        job = await self._record.find(job_id)
        return job, after(action, job.status)

    async def _update(self, old: Job, new: Job) -> None:
        admin = await admin_of(self._admins, old.cluster)
        check(new, _place(admin), old=old)
        if form_of(new) == form_of(old):
            return
        there = await self._unchanged(admin, old)
        fields = merged(there.fields, old, new)
        await admin.console.update_job(there.id, fields)
        await self._copy_done(admin.cluster, there.id, replace(there, fields=fields))

    async def _unchanged(self, admin: Admin, old: Job) -> AdminJob:
        """The job as the Admin has it. Raise Conflict when that is not what was read here."""
        group_ids = await self._admins.group_ids(admin.cluster)
        there = await find_job(admin.console, group_ids, _id_of(old))
        if there is not None:
            now = job_of(there, cluster=admin.cluster, group=old.group, timezone=old.timezone)
            if form_of(now) == form_of(old):
                return there
        await self._copy_theirs(old)
        if there is None:
            raise NotFound("job", old.id)
        raise Conflict("it was changed in the Admin's console meanwhile: read it again")

    async def _copy_theirs(self, job: Job) -> None:
        """Copy what somebody has changed at the Admin, where it can tell."""
        assert job.cluster is not None
        with suppress(Unsupported):
            await self._mirror.refresh_job(job.cluster, _id_of(job), audited=True)

    async def _copy_done(
        self, cluster: str, admin_job_id: int, done: AdminJob | None = None
    ) -> int | None:
        """Copy what we have done at the Admin; where it cannot tell now, as it must be: *done*."""
        try:
            return await self._mirror.refresh_job(cluster, admin_job_id)
        except ConsoleError:
            return await self._mirror.keep_job(cluster, done) if done is not None else None


def _place(admin: Admin) -> Place:
    return Place(admin.console.generation, admin.app_name, admin.timezone)


def _id_of(job: Job) -> int:
    assert job.admin_job_id is not None
    return job.admin_job_id


def _as_made(job_id: int, fields: JobFields, *, running: bool) -> AdminJob:
    """A job that was just added, as far as that is known without asking."""
    return AdminJob(
        id=job_id,
        fields=fields,
        running=running,
        last_trigger=None,
        next_trigger=None,
        added_at=None,
        updated_at=None,
    )


async def _start_or_remove(console: Console, job_id: int) -> None:
    """Start a job that was just made; it is taken back where that is refused."""
    try:
        await console.start_job(job_id)
    except ConsoleError:
        await console.remove_job(job_id)
        raise
