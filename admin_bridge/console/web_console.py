"""The console of 2.2 to 3.4, as a browser uses it."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

from admin_bridge.console.answer import id_of
from admin_bridge.console.errors import ConsoleRefused
from admin_bridge.console.forms import job_form
from admin_bridge.console.model import AdminGroup, AdminJob, AdminLog, LogStatus, LogText, Page
from admin_bridge.console.moments import AdminClock, between, of_wall
from admin_bridge.console.rows import GroupRow, JobRow, LogPageRow, LogRow, checked
from admin_bridge.console.web_calls import WebCalls

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from admin_bridge.console.dialect import Dialect
    from admin_bridge.console.door import Door
    from admin_bridge.console.model import ConsoleConfig, JobFields

_LET_THROUGH = ("<br>", "<b>", "</b>")
_RAW = re.compile("[<>\"']")

_GROUPS_A_PAGE = 100
_MOST_PAGES = 1000


class WebConsole:
    """A `Console` by the cookie of a user."""

    def __init__(self, door: Door, dialect: Dialect, config: ConsoleConfig) -> None:
        self._names, self._cluster, self._door = dialect, config.name, door
        self._web = WebCalls(door, dialect, config)

    @property
    def generation(self) -> str:
        return self._names.generation

    @property
    def sign_ins(self) -> int:
        return self._web.session.sign_ins

    @property
    def waited_s(self) -> float:
        return self._door.waited_s

    async def groups(self) -> tuple[AdminGroup, ...]:
        found: dict[int, AdminGroup] = {}
        for number in range(_MOST_PAGES):
            page = await self._web.page(
                "jobgroup/pageList",
                {"appname": "", "title": ""},
                GroupRow,
                GroupRow.group,
                offset=number * _GROUPS_A_PAGE,
                limit=_GROUPS_A_PAGE,
            )
            found.update((group.id, group) for group in page.rows)
            if len(page.rows) < _GROUPS_A_PAGE:
                break
        return tuple(found.values())

    async def jobs(self, group_id: int, *, offset: int = 0, limit: int = 100) -> Page[AdminJob]:
        every = {"triggerStatus": "-1", "jobDesc": "", "executorHandler": "", "author": ""}
        form = {"jobGroup": str(group_id), **every}
        return await self._web.page(
            "jobinfo/pageList", form, JobRow, JobRow.job, offset=offset, limit=limit, keep=True
        )

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
        zone = await self._web.zone()
        form = {
            "jobGroup": str(group_id),
            "jobId": str(job_id),
            "logStatus": str(status.value),
            "filterTime": between(since, until, zone),
        }

        def read(row: LogRow) -> AdminLog:
            if row.is_bare:
                self._web.refuse_bare()
            return row.log(zone)

        return await self._web.page(
            "joblog/pageList", form, LogRow, read, offset=offset, limit=limit
        )

    async def add_job(self, fields: JobFields) -> int:
        given = await self._web.call(self._names.add_job, job_form(fields), once=True)
        return id_of(given, self._cluster)

    async def update_job(self, job_id: int, fields: JobFields) -> None:
        await self._web.call("jobinfo/update", {"id": str(job_id)} | job_form(fields))

    async def remove_job(self, job_id: int) -> None:
        await self._web.call(self._names.remove_job, {self._names.one: str(job_id)})

    async def start_job(self, job_id: int) -> None:
        await self._web.call("jobinfo/start", {self._names.one: str(job_id)})

    async def stop_job(self, job_id: int) -> None:
        await self._web.call("jobinfo/stop", {self._names.one: str(job_id)})

    async def trigger_job(self, job_id: int, *, params: str, addresses: Sequence[str] = ()) -> None:
        form = {"id": str(job_id), "executorParam": params, "addressList": ",".join(addresses)}
        await self._web.call("jobinfo/trigger", form, once=True)

    async def kill_run(self, log_id: int) -> None:
        await self._web.call("joblog/logKill", {"id": str(log_id)}, once=True)

    async def log_text(
        self, log_id: int, *, from_line: int = 1, row: AdminLog | None = None
    ) -> LogText:
        form = {"logId": str(log_id), "fromLineNum": str(from_line)}
        if row is not None:  # 2.2 and 2.3 do not look these up themselves
            millis = round(row.triggered_at.timestamp() * 1000)
            form |= {"executorAddress": row.address, "triggerTime": str(millis)}
        page = checked(LogPageRow, await self._web.call("joblog/logDetailCat", form), self._cluster)
        next_line = max(from_line, page.to_line + 1)
        return LogText(_as_written(page.content), next_line, page.ended)

    async def next_times(self, schedule_type: str, schedule_conf: str) -> tuple[datetime, ...]:
        zone = await self._web.zone()
        texts = await self._web.next_texts(schedule_type, schedule_conf)
        return tuple(of_wall(text, zone) for text in texts)

    async def add_group(
        self, app_name: str, title: str, *, addresses: Sequence[str] = ()
    ) -> AdminGroup:
        form = {
            "appname": app_name,
            "title": title,
            "addressType": "1" if addresses else "0",
            "addressList": ",".join(addresses),
        }
        await self._web.call(self._names.add_group, form, once=True)
        for group in await self.groups():
            if group.app_name == app_name:
                return group
        raise ConsoleRefused(f"{self._cluster}: group {app_name!r} was added and is not listed")

    async def clock(self) -> AdminClock:
        return await self._web.clock()

    async def aclose(self) -> None:
        await self._web.aclose()


def _as_written(text: str) -> str:
    """The text of a log without the Admin's escapes, where it has any, and its last line feed.

    Up to 2.4.0 there are none: then it has quotes, or signs that an escaped text has only in
    the tags that 3.3 and later let through.
    """
    text = text.removesuffix("\n")
    signs = text
    for tag in _LET_THROUGH:
        signs = signs.replace(tag, "")
    return text if _RAW.search(signs) else html.unescape(text)
