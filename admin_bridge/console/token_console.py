"""The job API of 3.5: acts on jobs with the access token, and lists nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from admin_bridge.console.answer import Reply, id_of, payload_of
from admin_bridge.console.dialect import V3_5
from admin_bridge.console.errors import Unsupported
from admin_bridge.console.forms import job_json
from admin_bridge.dialect import APP_NAME_HEADER, TOKEN_HEADER
from admin_bridge.wire import encode

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from admin_bridge.console.door import Door
    from admin_bridge.console.model import (
        AdminGroup,
        AdminJob,
        AdminLog,
        ConsoleConfig,
        JobFields,
        LogStatus,
        LogText,
        Page,
    )
    from admin_bridge.console.moments import AdminClock


class TokenConsole:
    """A `Console` that adds, updates, removes, starts, stops and triggers; the rest it lacks.

    The API acts over all groups, and takes 100 calls in 30 s of everybody together.
    """

    def __init__(self, door: Door, config: ConsoleConfig) -> None:
        self._door, self._config = door, config

    @property
    def generation(self) -> str:
        return V3_5.generation

    @property
    def sign_ins(self) -> int:
        return 0

    @property
    def waited_s(self) -> float:
        return self._door.waited_s

    async def add_job(self, fields: JobFields) -> int:
        given = await self._call("addJob", self._fields(fields), once=True)
        return id_of(given, self._config.name)

    async def update_job(self, job_id: int, fields: JobFields) -> None:
        await self._call("updateJob", {"id": job_id, **self._fields(fields)})

    async def remove_job(self, job_id: int) -> None:
        await self._call("removeJob", {"id": job_id})

    async def start_job(self, job_id: int) -> None:
        await self._call("startJob", {"id": job_id})

    async def stop_job(self, job_id: int) -> None:
        await self._call("stopJob", {"id": job_id})

    async def trigger_job(self, job_id: int, *, params: str, addresses: Sequence[str] = ()) -> None:
        body = {"id": job_id, "executorParam": params, "addressList": ",".join(addresses)}
        await self._call("triggerJob", body, once=True)

    async def groups(self) -> tuple[AdminGroup, ...]:
        self._lacks("list groups")

    async def jobs(self, group_id: int, *, offset: int = 0, limit: int = 100) -> Page[AdminJob]:
        self._lacks("list jobs")

    async def logs(
        self,
        *,
        group_id: int,
        job_id: int = 0,
        since: datetime | None = None,
        until: datetime | None = None,
        status: LogStatus | None = None,
        offset: int = 0,
        limit: int = 200,
    ) -> Page[AdminLog]:
        self._lacks("list logs")

    async def kill_run(self, log_id: int) -> None:
        self._lacks("kill a run")

    async def log_text(
        self, log_id: int, *, from_line: int = 1, row: AdminLog | None = None
    ) -> LogText:
        self._lacks("show a run's log")

    async def next_times(self, schedule_type: str, schedule_conf: str) -> tuple[datetime, ...]:
        self._lacks("preview a schedule")

    async def add_group(
        self, app_name: str, title: str, *, addresses: Sequence[str] = ()
    ) -> AdminGroup:
        self._lacks("add a group")

    async def clock(self) -> AdminClock:
        self._lacks("show its clock")

    async def aclose(self) -> None:
        await self._door.aclose()

    def _fields(self, fields: JobFields) -> dict[str, object]:
        if fields.children:
            self._lacks("set the children of a job")
        return job_json(fields)

    def _lacks(self, what: str) -> NoReturn:
        raise Unsupported(f"{self._config.name}: the API of Admins since 3.5 cannot {what}")

    async def _call(self, name: str, body: Mapping[str, object], *, once: bool = False) -> object:
        headers = {
            TOKEN_HEADER: self._config.access_token,
            APP_NAME_HEADER: self._config.app_name,
        }
        return await self._door.post(
            f"api/{name}", encode(dict(body)), _payload, headers=headers, once=once
        )


def _payload(reply: Reply) -> object:
    return payload_of(reply, V3_5)
