"""The one small interface to every generation of consoles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from admin_bridge.console.model import LogStatus

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from admin_bridge.console.model import (
        AdminGroup,
        AdminJob,
        AdminLog,
        JobFields,
        LogText,
        Page,
    )
    from admin_bridge.console.moments import AdminClock


class Console(Protocol):
    """A console that we are signed in to; every call raises ConsoleError.

    A call that an Admin cannot be reached for goes to the next of the cluster. Adding, triggering
    and killing are never sent twice: when their answer is lost, ConsoleUnreachable is raised and
    it is unknown whether they were done.
    """

    @property
    def sign_ins(self) -> int:
        """How often it had to sign in; one that grows says that somebody else uses our user."""
        ...

    @property
    def waited_s(self) -> float:
        """How long the Admin had us wait, from requests to the last bytes of answers, in all."""
        ...

    @property
    def generation(self) -> str:
        """Say "2.x" (2.2 to 3.1), "3.2", "3.3" (3.3 and 3.4) or "3.5"."""
        ...

    async def groups(self) -> tuple[AdminGroup, ...]:
        """List all groups; only a user of role 1 may."""
        ...

    async def jobs(self, group_id: int, *, offset: int = 0, limit: int = 100) -> Page[AdminJob]:
        """List jobs of a group, newest first."""
        ...

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
        """List log rows, newest trigger first.

        *group_id* 0 means all groups (role 1 only), *job_id* 0 all jobs. *since* and *until* are
        aware, cut to the second and both included; either may be left out.
        """
        ...

    async def add_job(self, fields: JobFields) -> int:
        """Add a stopped job; give its id."""
        ...

    async def update_job(self, job_id: int, fields: JobFields) -> None:
        """Set every field of a job; whether it runs stays as it is."""
        ...

    async def remove_job(self, job_id: int) -> None:
        """Remove a job with its logs; one that is not there is no error."""
        ...

    async def start_job(self, job_id: int) -> None:
        """Switch its schedule on, from 5 s ahead of now."""
        ...

    async def stop_job(self, job_id: int) -> None:
        """Switch its schedule off; one firing that was planned may still come."""
        ...

    async def trigger_job(self, job_id: int, *, params: str, addresses: Sequence[str] = ()) -> None:
        """Run a job now with *params* as they are, instead of its own.

        *addresses* stand in for the group's. The answer comes before anything happened.
        """
        ...

    async def kill_run(self, log_id: int) -> None:
        """Kill the job on this row's executor, and fail the row, even if it had ended long ago."""
        ...

    async def log_text(
        self, log_id: int, *, from_line: int = 1, row: AdminLog | None = None
    ) -> LogText:
        """Ask for a run's log through the Admin; lines count from 1.

        Admins of 2.2 and 2.3 need the *row* of the run, too.
        """
        ...

    async def next_times(self, schedule_type: str, schedule_conf: str) -> tuple[datetime, ...]:
        """Give the next times, at most five, that the Admin computes of a schedule."""
        ...

    async def add_group(
        self, app_name: str, title: str, *, addresses: Sequence[str] = ()
    ) -> AdminGroup:
        """Add a group; without *addresses* it fills from the registry. For role 1 only."""
        ...

    async def clock(self) -> AdminClock:
        """Ask for the time on the Admin's wall: the offset of its zone, and how wrong it is."""
        ...

    async def aclose(self) -> None:
        """Let go of what is held; the session is left to end by itself."""
        ...
