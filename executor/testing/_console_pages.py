"""What a fake Admin's console answers to a signed-in browser, path by path."""

from __future__ import annotations

import html
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from executor.testing._admin_rows import Generation, Row
from executor.testing._console_access import PageCrash, PageFault
from executor.testing._console_jobs import checked
from executor.testing._console_tables import Job, User

if TYPE_CHECKING:
    from executor.testing.fake_console import FakeConsole

_NEW_NAMES = {
    "jobgroup/insert": "jobgroup/save",
    "jobinfo/insert": "jobinfo/add",
    "jobinfo/delete": "jobinfo/remove",
}
_ONES = ("jobinfo/remove", "jobinfo/start", "jobinfo/stop")
_SEPARATOR = " - "

Form = Mapping[str, str]
Page = Callable[[Form, User], Awaitable[object]]


class MissingParameter(LookupError):
    """Since 3.x a web page with status 400."""


class Pages:
    """The console's pages; each raises PageFault or MissingParameter."""

    def __init__(self, console: FakeConsole) -> None:
        self._console = console
        self._pages: dict[str, Page] = {
            "jobgroup/pageList": self._groups,
            "jobgroup/save": self._add_group,
            "jobinfo/pageList": self._jobs,
            "jobinfo/add": self._add_job,
            "jobinfo/update": self._update_job,
            "jobinfo/remove": self._remove_job,
            "jobinfo/start": self._start_job,
            "jobinfo/stop": self._stop_job,
            "jobinfo/trigger": self._trigger_job,
            "jobinfo/nextTriggerTime": self._next_times,
            "joblog/pageList": self._logs,
            "joblog/logDetailCat": self._log_text,
            "joblog/logKill": self._kill,
        }

    def page(self, path: str) -> Page | None:
        """The page under *path* in this generation, None if there is none."""
        if self._new:
            renamed = path in _NEW_NAMES.values()
            return None if renamed else self._pages.get(_NEW_NAMES.get(path, path))
        return self._pages.get(path)

    def form(self, path: str, given: Form) -> Form:
        """*given* under the names of 2.x."""
        if not self._new:
            return given
        names = {"offset": "start", "pagesize": "length"}
        if _NEW_NAMES.get(path, path) in _ONES:
            names["ids[]"] = "id"
        return {names.get(name, name): text for name, text in given.items()}

    @property
    def _new(self) -> bool:
        return self._console.generation >= Generation.V3_4

    async def _groups(self, form: Form, user: User) -> object:
        console = self._console
        console.access.for_admins(user)
        rows = [
            console.shown.group(group, console.registered_at(group), console.now_ms())
            for group in sorted(
                console.groups.values(), key=lambda one: (one.app_name, one.group_id)
            )
        ]
        return self._part(form, rows)

    async def _add_group(self, form: Form, user: User) -> object:
        self._console.access.for_admins(user)
        app_name, title = self._of(form, "appname"), self._of(form, "title")
        if len(app_name) < 4 or not title:
            raise PageFault("AppName length is limited to 4~64")
        manual = form.get("addressList") or None
        if form.get("addressType") == "1" and manual is None:
            raise PageFault("Manually registration type, the machine address must not be empty")
        self._console.add_group(app_name, title, manual=manual)
        return None

    async def _jobs(self, form: Form, user: User) -> object:
        group_id = self._number(form, "jobGroup")
        self._may_since_3_2(user, group_id)
        jobs = sorted(self._console.jobs.values(), key=lambda job: -job.job_id)
        rows = [self._console.shown.job(job) for job in jobs if job.group_id == group_id]
        return self._part(form, rows)

    async def _add_job(self, form: Form, user: User) -> object:
        fields = checked(form, self._console.generation)
        self._console.access.for_group(user, int(fields["jobGroup"]))
        return str(self._console.put_job(fields))

    async def _update_job(self, form: Form, user: User) -> object:
        job = self._job(form)
        self._console.access.for_group(user, job.group_id)
        kept = {"glueType": job.fields["glueType"]}
        self._console.change_job(job.job_id, **(checked(form, self._console.generation) | kept))
        return None

    async def _remove_job(self, form: Form, user: User) -> object:
        job = self._console.jobs.get(self._number(form, "id"))
        if job is not None:
            self._may_since_3_2(user, job.group_id)
            self._console.remove_job(job.job_id)
        return None

    async def _start_job(self, form: Form, user: User) -> object:
        job = self._job(form)
        self._may_since_3_2(user, job.group_id)
        if job.fields["scheduleType"] == "NONE":
            raise PageFault("The current schedule type disables startup")
        self._console.switch(job.job_id, on=True)
        return None

    async def _stop_job(self, form: Form, user: User) -> object:
        job = self._job(form)
        self._may_since_3_2(user, job.group_id)
        self._console.switch(job.job_id, on=False)
        return None

    async def _trigger_job(self, form: Form, user: User) -> object:
        job = self._job(form)
        self._console.access.for_group(user, job.group_id)
        addresses = self._of(form, "addressList")
        self._console.fire_soon(job.job_id, self._of(form, "executorParam"), addresses)
        return None

    async def _next_times(self, form: Form, _: User) -> object:
        console = self._console
        kind, conf = form.get("scheduleType", "CRON"), form.get("scheduleConf") or form["cron"]
        try:
            times = console.next_times(kind, conf)
        except ValueError as error:
            raise PageFault(f"Schedule Typeillegal{error}") from error
        return [console.shown.wall(millis) for millis in times]

    async def _logs(self, form: Form, user: User) -> object:
        group_id, job_id = self._number(form, "jobGroup"), self._number(form, "jobId")
        self._console.access.for_group(user, group_id)
        first, last = self._bounds(self._of(form, "filterTime"))
        wanted = [
            row
            for row in self._console.rows.values()
            if group_id in (0, row.group_id)
            and job_id in (0, row.job_id)
            and first <= row.trigger_ms // 1000 * 1000 <= last
            and has_status(row, self._number(form, "logStatus"))
        ]
        wanted.sort(key=lambda row: -row.log_id if self._new else -(row.trigger_ms // 1000))
        return self._part(form, wanted, self._console.shown.log)

    async def _log_text(self, form: Form, _: User) -> object:
        log_id, from_line = self._number(form, "logId"), self._number(form, "fromLineNum")
        if self._console.generation == Generation.V2_2:
            self._number(form, "triggerTime")
        if log_id not in self._console.rows:
            raise PageFault("Log ID is illegal")
        try:
            lines = await self._console.log_page(log_id, from_line)
        except LookupError as error:
            raise PageFault(str(error)) from error
        return {
            "fromLineNum": lines.from_line,
            "toLineNum": lines.to_line,
            "logContent": self._escaped(lines.content),
            "end": lines.is_end,
        }

    async def _kill(self, form: Form, _: User) -> object:
        log_id = self._number(form, "id")
        if log_id not in self._console.rows:
            raise PageCrash('java.lang.NullPointerException: because "log" is null')
        if self._console.rows[log_id].trigger_code != 200:
            raise PageFault("Trigger Fail, can not kill job")
        reply = await self._console.kill(log_id)
        if not reply.is_success:
            raise PageFault(reply.message)
        return None

    def _escaped(self, text: str) -> str:
        if self._console.generation == Generation.V2_2:
            return text
        escaped = html.escape(text)
        if not self._new:
            return escaped
        for tag in ("<br>", "<b>", "</b>"):
            escaped = escaped.replace(html.escape(tag), tag)
        return escaped

    def _part(
        self, form: Form, rows: list[Any], shown: Callable[[Any], object] | None = None
    ) -> dict[str, Any]:
        start, length = int(form.get("start", "0")), int(form.get("length", "10"))
        part = rows[start : start + length]
        page: list[Any] = [shown(row) for row in part] if shown else part
        return self._console.shown.page(page, len(rows))

    def _bounds(self, filter_time: str) -> tuple[int, int]:
        if not filter_time:
            return 0, 2**63
        first, last = filter_time.split(_SEPARATOR)
        return self._console.shown.millis(first), self._console.shown.millis(last)

    def _job(self, form: Form) -> Job:
        job = self._console.jobs.get(self._number(form, "id"))
        if job is None:
            raise PageFault("Job ID is illegal")
        return job

    def _may_since_3_2(self, user: User, group_id: int) -> None:
        """Before it, everybody who is signed in may."""
        if self._console.generation >= Generation.V3_2:
            self._console.access.for_group(user, group_id)

    def _number(self, form: Form, name: str) -> int:
        text = self._of(form, name)
        if not text:
            raise PageCrash(f"java.lang.IllegalStateException: Optional int parameter '{name}'")
        return int(text)

    def _of(self, form: Form, name: str) -> str:
        if name not in form:
            if self._console.generation >= Generation.V3_2:
                raise MissingParameter(name)
            return ""
        return form[name]


def has_status(row: Row, status: int) -> bool:
    """Whether a row is what the console's filter calls all, succeeded, failed or running."""
    match status:
        case 1:
            return row.handle_code == 200
        case 2:
            return row.trigger_code not in (0, 200) or row.handle_code not in (0, 200)
        case 3:
            return row.trigger_code == 200 and row.handle_code == 0
        case _:
            return True
