"""An Admin in memory, behind the interface of its console: as awkward as the real ones, and more."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from admin_bridge.console import (
    AdminGroup,
    AdminJob,
    AdminLog,
    ConsoleError,
    JobFields,
    LogStatus,
    Page,
)
from scheduler.xxl.admins import Admin

T0 = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
APP = "qooerp-scheduler"
GROUP = 2


@dataclass(slots=True)
class MemoryAdmin:
    """Its tables. Runs have exact times here, and whole seconds in what its console says."""

    rounds: bool = False
    """As MySQL does with fractions of a second; MariaDB cuts."""
    groups: list[AdminGroup] = field(
        default_factory=lambda: [
            AdminGroup(1, "someone-else", "theirs", True, ()),
            AdminGroup(GROUP, APP, "ours", True, ()),
        ]
    )
    jobs: dict[int, AdminJob] = field(default_factory=dict)
    logs: dict[int, AdminLog] = field(default_factory=dict)
    exact: dict[int, datetime] = field(default_factory=dict)
    requests: int = 0
    fault: ConsoleError | None = None
    before_page: Callable[[], None] = lambda: None
    """Called before each page of a list: to change it underneath."""
    mixed: random.Random = field(default_factory=lambda: random.Random(7))

    def job(
        self, job_id: int, *, group_id: int = GROUP, running: bool = False, **fields: object
    ) -> AdminJob:
        """Put a job there, new or changed."""
        old = self.jobs.get(job_id)
        added = old.added_at if old else T0 - timedelta(days=9, seconds=job_id)
        values = JobFields(group_id=group_id, name=f"job {job_id}", author="ann", handler="work")
        base = old.fields if old else values
        self.jobs[job_id] = AdminJob(
            id=job_id,
            fields=replace(base, **fields),  # type: ignore[arg-type]
            running=running,
            last_trigger=None,
            next_trigger=T0 + timedelta(hours=1) if running else None,
            added_at=added,
            updated_at=T0 - timedelta(days=8),
        )
        return self.jobs[job_id]

    def run(
        self,
        at: datetime,
        *,
        job_id: int = 1,
        group_id: int = GROUP,
        log_id: int | None = None,
        handle: int = 200,
        **fields: object,
    ) -> int:
        """Trigger a run at an exact time; handle 0: it goes on."""
        number = log_id or max(self.exact, default=0) + 1
        said = at + timedelta(milliseconds=500) if self.rounds else at
        self.exact[number] = at
        values = AdminLog(
            id=number,
            group_id=group_id,
            job_id=job_id,
            address="http://other:9999/",
            handler="work",
            params="p",
            shard_index=0,
            shard_total=1,
            retries_left=0,
            triggered_at=said.replace(microsecond=0),
            trigger_code=200,
            trigger_message="",
            handled_at=None,
            handle_code=0,
            handle_message="",
            alarm_status=0,
        )
        self.logs[number] = replace(values, **fields)  # type: ignore[arg-type]
        if handle:
            self.end(number, handle)
        return number

    def end(self, log_id: int, code: int = 200, *, after_s: int = 3, message: str = "done") -> None:
        """Have a run's result arrive."""
        log = self.logs[log_id]
        self.logs[log_id] = replace(
            log,
            handle_code=code,
            handle_message=message,
            handled_at=log.triggered_at + timedelta(seconds=after_s),
        )


class MemoryConsole:
    """The console of a MemoryAdmin; rows of one second come in no order."""

    generation = "3.3"
    waited_s = 0.0
    sign_ins = 1

    def __init__(self, admin: MemoryAdmin) -> None:
        self._admin = admin

    async def groups(self) -> tuple[AdminGroup, ...]:
        self._ask()
        return tuple(self._admin.groups)

    async def jobs(self, group_id: int, *, offset: int = 0, limit: int = 100) -> Page[AdminJob]:
        self._ask()
        jobs = [job for job in self._admin.jobs.values() if job.fields.group_id == group_id]
        jobs.sort(key=lambda job: -job.id)
        return Page(tuple(jobs[offset : offset + limit]), len(jobs))

    async def logs(
        self,
        *,
        group_id: int,
        job_id: int = 0,
        since: datetime | None = None,
        until: datetime | None = None,
        status: LogStatus = LogStatus.ALL,
        offset: int = 0,
        limit: int = 200,
    ) -> Page[AdminLog]:
        self._ask()
        since = since and since.replace(microsecond=0)
        until = until and until.replace(microsecond=0)
        found = [
            log
            for log in self._admin.logs.values()
            if log.group_id == group_id
            and job_id in (0, log.job_id)
            and (since is None or log.triggered_at >= since)
            and (until is None or log.triggered_at <= until)
            and (status is not LogStatus.RUNNING or _runs(log))
        ]
        self._admin.mixed.shuffle(found)
        found.sort(key=lambda log: log.triggered_at, reverse=True)
        return Page(tuple(found[offset : offset + limit]), len(found))

    def _ask(self) -> None:
        self._admin.requests += 1
        self._admin.before_page()
        if self._admin.fault is not None:
            raise self._admin.fault


class MemoryAdmins:
    """Opens the console of the only Admin there is."""

    names: Sequence[str] = ("main",)

    def __init__(self, admin: MemoryAdmin) -> None:
        self._admin = admin
        self.console = MemoryConsole(admin)
        self.named = 0
        """The id of a group that is not looked for."""

    async def admin(self, cluster: str) -> Admin:
        return Admin(cluster, self.console, APP, self.named, "UTC", zone_named=False)  # type: ignore[arg-type]

    async def group_ids(self, cluster: str) -> Sequence[int]:
        return [group.id for group in self._admin.groups if group.app_name == APP]

    async def forget(self, cluster: str) -> None:
        """There is no other."""


def _runs(log: AdminLog) -> bool:
    return log.trigger_code == 200 and log.handle_code == 0
