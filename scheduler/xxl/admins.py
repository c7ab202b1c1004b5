"""What control of jobs asks of the rest: consoles to speak to, and a mirror that copies what changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from scheduler.refusal import Conflict, Invalid

if TYPE_CHECKING:
    from collections.abc import Collection

    from admin_bridge.console import AdminJob, AdminLog, Console

_PAGE = 500
"""Jobs that are asked for at a time."""


class Admin(NamedTuple):
    """An Admin cluster, and what of it is ours."""

    cluster: str
    console: Console
    app_name: str
    """Of the only group whose jobs are ours."""
    timezone: str
    """IANA zone in which it reads every rule."""


class Admins(Protocol):
    """The configured Admin clusters."""

    @property
    def names(self) -> Collection[str]:
        """Every cluster that is configured."""
        ...

    async def admin(self, cluster: str) -> Admin:
        """One of `names`, ready to be spoken to. Raise ConsoleError."""
        ...

    async def group_id(self, cluster: str) -> int:
        """The id of our group there. Raise ConsoleError."""
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


async def find_job(console: Console, group_id: int, job_id: int) -> AdminJob | None:
    """The job as the Admin has it now: there is no way to ask for one, so the list is read."""
    offset, total = 0, 1
    while offset < total:
        page = await console.jobs(group_id, offset=offset, limit=_PAGE)
        for job in page.rows:
            if job.id == job_id:
                return job
        if not page.rows:
            return None
        offset, total = offset + len(page.rows), page.total
    return None


class NoAdmins:
    """Stands in where no Admin is configured: nobody gets further than its empty names."""

    names: Collection[str] = ()

    async def admin(self, cluster: str) -> Admin:
        raise Conflict(f"its Admin cluster {cluster!r} is not configured here")

    async def group_id(self, cluster: str) -> int:
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
