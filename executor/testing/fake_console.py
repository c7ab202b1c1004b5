"""A fake Admin with its console: groups, jobs and logs to look at and to change, over HTTP.

    async with FakeConsole("3.4", token="secret", zone="Asia/Shanghai") as admin:
        admin.add_user("qooerp", "a password")
        job_id = admin.add_job("dataCleanup", executorParam='{"keep_days": 7}')
        # ... what is tested signs in at admin.url, and triggers the job ...
        admin.change_job(job_id, executorParam="")  # as a human does it in a browser
        admin.sign_in_elsewhere("qooerp")  # which since 3.2 ends the other session

A generation "3.5" has the job API by access token instead of a console. What can be wrong with a
FakeAdmin can be wrong with its console.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Self
from zoneinfo import ZoneInfo

from executor.testing._admin_rows import Row
from executor.testing._console_access import Access
from executor.testing._console_desk import Desk
from executor.testing._console_jobs import run_body
from executor.testing._console_tables import JOB_FIELDS, Group, Job, Shown, User
from executor.testing._console_times import next_times
from executor.testing.fake_admin import FakeAdmin

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiohttp import web

__all__ = ["FakeConsole", "Group", "Job", "Row", "User"]


class FakeConsole(FakeAdmin):
    """One Admin of a *generation*; its first group has the *app_name*.

    *now_ms* is its clock, *zone* that of its JVM.
    """

    def __init__(
        self,
        generation: str = "2.4",
        token: str = "",
        app_name: str = "qooerp-scheduler",
        *,
        zone: str = "UTC",
        now_ms: Callable[[], int] | None = None,
        first_log_id: int = 1,
        port: int = 0,
    ) -> None:
        super().__init__(generation, token, app_name, first_log_id=first_log_id, port=port)
        if now_ms is not None:
            self._api.now_ms = now_ms
        self.access = Access(self.generation)
        self.shown = Shown(self.generation, ZoneInfo(zone))
        self.groups: dict[int, Group] = {}
        self.jobs: dict[int, Job] = {}
        self.before_page: Callable[[str], None] | None = None
        """Called with the path before a page is answered: rows that change underneath."""
        self._desk = Desk(self, self._api, self._context)
        self._job_ids = 0
        self._fires: set[asyncio.Task[None]] = set()
        self.add_group(app_name, "our group")

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        for fire in list(self._fires):
            fire.cancel()
        await super().__aexit__()

    def now_ms(self) -> int:
        """The Admin's clock, epoch milliseconds."""
        return self._api.now_ms()

    # what humans do

    def add_user(
        self, name: str, password: str, *, role: int = 1, groups: tuple[int, ...] = ()
    ) -> User:
        """Let somebody sign in; role 0 may only what concerns its *groups*."""
        user = self.access.users[name] = User(name, password, role, frozenset(groups))
        return user

    def sign_in_elsewhere(self, name: str) -> None:
        """Sign in as this user from another browser."""
        user = self.access.users[name]
        self.access.signed_in({"userName": name, "password": user.password})

    def add_group(self, app_name: str, title: str, *, manual: str | None = None) -> int:
        """Add a group; with *manual* addresses (comma list) it doesn't look at the registry."""
        group_id = max(self.groups, default=0) + 1
        self.groups[group_id] = Group(group_id, app_name, title, manual)
        return group_id

    def add_job(self, handler: str, **fields: str) -> int:
        """Add a stopped job; *fields* go by the form's names (`executorParam`, `jobDesc`)."""
        return self.put_job(JOB_FIELDS | {"executorHandler": handler} | fields)

    def put_job(self, fields: dict[str, str]) -> int:
        """Add a job with all its fields; ids are never given twice."""
        self._job_ids += 1
        now = self.now_ms()
        self.jobs[self._job_ids] = Job(self._job_ids, fields, now, now)
        return self._job_ids

    def change_job(self, job_id: int, **fields: str) -> None:
        """Change fields of a job."""
        job = self.jobs[job_id]
        job.fields, job.updated_ms = job.fields | fields, self.now_ms()

    def remove_job(self, job_id: int) -> None:
        """Remove a job and its log."""
        del self.jobs[job_id]
        for log_id in [row.log_id for row in self.rows.values() if row.job_id == job_id]:
            del self.rows[log_id]

    def switch(self, job_id: int, *, on: bool) -> None:
        """Start or stop a job's schedule; nothing fires by itself here."""
        job = self.jobs[job_id]
        job.is_on, job.updated_ms, job.last_ms = on, self.now_ms(), 0
        times = self.next_times(job.fields["scheduleType"], job.fields["scheduleConf"])
        job.next_ms = times[0] if on and times else 0

    def upgrade(self, generation: str) -> None:
        """Go on as another generation, at the same URL with the same tables; sessions end."""
        super().upgrade(generation)
        self.access.generation = self.generation
        self.shown = Shown(self.generation, self.shown.zone)

    def wipe(self) -> None:
        """Lose the database: no jobs and rows, ids start again."""
        super().wipe()
        self.jobs.clear()
        self._job_ids = 0

    # what its threads do

    async def fire(self, job_id: int, params: str | None = None, addresses: str = "") -> list[int]:
        """Trigger a job as its schedule does, on every address if it is broadcast; give log ids."""
        job = self.jobs[job_id]
        retries = int(job.fields["executorFailRetryCount"])
        return await self._fire(job, params, addresses, retries=retries)

    def fire_soon(self, job_id: int, params: str | None, addresses: str) -> None:
        """Trigger a job after the answer, as the console does."""
        task = asyncio.ensure_future(self._fired(job_id, params, addresses))
        self._fires.add(task)
        task.add_done_callback(self._fires.discard)

    def log(self, job_id: int, *, at_ms: int | None = None, **columns: Any) -> Row:
        """A row of the log without a trigger; *columns* go by the names of Row."""
        row = self.rows.opened(None, job_id, at_ms=self.now_ms() if at_ms is None else at_ms)
        row.group_id = self.jobs[job_id].group_id if job_id in self.jobs else 1
        for name, value in columns.items():
            setattr(row, name, value)
        return row

    def registered_at(self, group: Group) -> list[str]:
        """The addresses that the registry has of a group."""
        return sorted(at for app_name, at in self._api.registry if app_name == group.app_name)

    def next_times(self, schedule_type: str, schedule_conf: str) -> list[int]:
        """The next five times of a schedule, epoch milliseconds; ValueError if it is none."""
        return next_times(schedule_type, schedule_conf, self.now_ms(), self.shown.zone)

    async def _fired(self, job_id: int, params: str | None, addresses: str) -> None:
        await self.fire(job_id, params, addresses)

    async def _fire(
        self, job: Job, params: str | None, addresses: str, *, retries: int
    ) -> list[int]:
        group = self.groups[job.group_id]
        listed = (addresses or group.manual or "").split(",") if addresses or group.manual else []
        found = [one for one in listed if one] or self.registered_at(group)
        broadcast = job.fields["executorRouteStrategy"] == "SHARDING_BROADCAST"
        targets: list[str | None] = list(found if broadcast else found[:1]) or [None]
        rows = []
        for index, address in enumerate(targets):
            body = run_body(job, params, (index, len(targets)) if broadcast else (0, 1))
            row = self._opened(body, None)
            row.group_id, row.retries_left = job.group_id, retries
            rows.append(row)
            if address is None:
                row.trigger_code, row.trigger_msg = 500, "Trigger Fail：registry address is empty"
                self._tell()
            else:
                await self._send(body, row, address)
        return [row.log_id for row in rows]

    async def _page_of(self, request: web.BaseRequest, body: str) -> web.Response:
        answer = await self._desk.answer(request, body)
        return answer if answer is not None else await super()._page_of(request, body)
