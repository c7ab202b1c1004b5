"""What control of jobs asks of the rest: consoles to speak to, and a mirror that copies what changed."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple, Protocol

from admin_bridge.console import ConsoleUnreachable
from scheduler.refusal import Conflict, Invalid

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from admin_bridge.console import AdminJob, AdminLog, Console

_PAGE = 500
"""Jobs that are asked for at a time."""
_TRIES = 3


class Admin(NamedTuple):
    """An Admin cluster, and what of it is ours."""

    cluster: str
    console: Console
    app_name: str
    """Of the groups whose jobs are ours; nearly always it is one."""
    group_id: int
    """Of our group, as the operator said for a user who may not list them; 0: it is looked for."""
    timezone: str
    """IANA zone in which it reads every rule."""
    zone_named: bool
    """Whether that is what the operator said, for its dates, too."""


class Admins(Protocol):
    """The configured Admin clusters."""

    @property
    def names(self) -> Collection[str]:
        """Every cluster that is configured."""
        ...

    async def admin(self, cluster: str) -> Admin:
        """One of `names`, ready to be spoken to. Raise ConsoleError."""
        ...

    async def group_ids(self, cluster: str) -> Sequence[int]:
        """The ids of our groups there, at least one. Raise ConsoleError, and Conflict for none."""
        ...


class Mirror(Protocol):
    """Copies what Admins know into PostgreSQL."""

    async def refresh_job(
        self, cluster: str, admin_job_id: int, *, audited: bool = False
    ) -> int | None:
        """Copy a job as it is now; its id here, None when the Admin has it no more.

        *audited*: what has changed was changed in the console. Raises ConsoleError.
        """
        ...

    async def keep_job(self, cluster: str, job: AdminJob) -> int | None:
        """Copy a job as it must be there now, when the Admin cannot be asked; its id here."""
        ...

    async def record_log(self, cluster: str, log: AdminLog) -> int:
        """See that a row of the Admin's log is recorded here; its id here."""
        ...


def chosen(cluster: str | None, names: Collection[str]) -> str:
    """The cluster in which a new job is to be made. Raise Invalid where that is not said."""
    if cluster is None and len(names) == 1:
        return next(iter(names))
    if cluster in names:
        assert cluster is not None
        return cluster
    if not names:
        raise Invalid("engine", "no Admin is configured: admin.addresses, or admins")
    known = ", ".join(sorted(names))
    raise Invalid("cluster", f"name one of the configured Admin clusters: {known}")


async def admin_of(admins: Admins, cluster: str | None) -> Admin:
    """The Admin of a job that exists. Raise Conflict when it is configured no more."""
    if cluster not in admins.names:
        raise Conflict(f"its Admin cluster {cluster!r} is not configured here")
    assert cluster is not None
    return await admins.admin(cluster)


async def find_job(console: Console, group_ids: Iterable[int], job_id: int) -> AdminJob | None:
    """The job as the Admin has it now; None: none of our groups has it.

    There is no way to ask for one, so the lists are read. Raises ConsoleError.
    """
    for group_id in group_ids:
        if job := await _find_in(console, group_id, job_id):
            return job
    return None


async def _find_in(console: Console, group_id: int, job_id: int) -> AdminJob | None:
    for _ in range(_TRIES - 1):
        with suppress(_Shifted):
            return await _look_through(console, group_id, job_id)
    return await _look_through(console, group_id, job_id)


async def _look_through(console: Console, group_id: int, job_id: int) -> AdminJob | None:
    """The job. Raise _Shifted when the list changed between its pages: it may have hidden there."""
    seen: set[int] = set()
    total: int | None = None
    while total is None or len(seen) < total:
        page = await console.jobs(group_id, offset=len(seen), limit=_PAGE)
        jobs = {job.id: job for job in page.rows}
        if job_id in jobs:
            return jobs[job_id]
        if total not in (None, page.total) or seen & jobs.keys() or (page.total and not jobs):
            raise _Shifted(f"the jobs of group {group_id} changed each time they were read")
        seen |= jobs.keys()
        total = page.total
    return None


class _Shifted(ConsoleUnreachable):
    """A list changed underneath."""


class NoAdmins:
    """Stands in where no Admin is configured: nobody gets further than its empty names."""

    names: Collection[str] = ()

    async def admin(self, cluster: str) -> Admin:
        raise Conflict(f"its Admin cluster {cluster!r} is not configured here")

    async def group_ids(self, cluster: str) -> Sequence[int]:
        raise Conflict(f"its Admin cluster {cluster!r} is not configured here")

    async def refresh_job(
        self, cluster: str, admin_job_id: int, *, audited: bool = False
    ) -> int | None:
        """Nothing to copy from."""
        return None

    async def keep_job(self, cluster: str, job: AdminJob) -> int | None:
        """Nothing to copy from."""
        return None

    async def record_log(self, cluster: str, log: AdminLog) -> int:
        raise Conflict(f"its Admin cluster {cluster!r} is not configured here")
