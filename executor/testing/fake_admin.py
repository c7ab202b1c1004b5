"""An XXL-JOB Admin for tests: a real HTTP server that plays any generation, faults included.

    async with FakeAdmin("2.4", token="secret") as admin, an_executor(folder, admin, modules=["jobs"]):
        log_id = await admin.trigger("dataCleanup", '{"keep_days": 7}')
        row = await admin.finished(log_id)
        assert row.handle_code == 200

It shares no code with the executor's own side of the protocol, so both cannot err alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import aiohttp

from executor.testing._admin_api import Api
from executor.testing._admin_calls import Caller, Reply
from executor.testing._admin_rows import Generation, Row, Rows
from executor.testing._admin_server import AdminServer, Fault, Request

__all__ = ["FakeAdmin", "Fault", "Generation", "LogLines", "Reply", "Request", "Row"]


@dataclass(frozen=True, slots=True)
class LogLines:
    """A page of a run's log as the console gets it; the Admin decides on `is_end`."""

    from_line: int
    to_line: int
    content: str
    is_end: bool


class FakeAdmin(AdminServer):
    """One Admin of a *generation* ("2.2", "2.4", "3.2", "3.4", "3.5")."""

    def __init__(
        self,
        generation: str = "2.4",
        token: str = "",
        app_name: str = "qooerp-scheduler",
        *,
        context_path: str | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        first_log_id: int = 1,
    ) -> None:
        self.rows = Rows(first_log_id)
        played = Generation(generation)
        path = played.context_path if context_path is None else context_path
        super().__init__(Api(played, token, app_name, self.rows), path, host=host, port=port)

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession()
        await self._open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._leave()
        await self._session.close()

    @property
    def callbacks(self) -> list[dict[str, Any]]:
        """Every callback received, in order, repeated ones too."""
        return self._api.callbacks

    @property
    def addresses(self) -> list[str]:
        """The registered addresses of the app name, in the Admin's order."""
        mine = self._api.app_name
        return sorted(address for app_name, address in self._api.registry if app_name == mine)

    def beats(self, address: str) -> int:
        """How often *address* was registered since it was last removed."""
        return self._api.registry[self._api.app_name, address]

    def join(self, address: str) -> None:
        """Have *address* in the registry, as if an executor there had beaten."""
        self._api.registry[self._api.app_name, address] += 1

    def lose(self, address: str) -> None:
        """Have it there no more, as when it has left or was not heard of."""
        self._api.registry.pop((self._api.app_name, address), None)

    def upgrade(self, generation: str) -> None:
        """Go on as another generation (or an older one), at the same URL with the same rows."""
        self._api.generation = Generation(generation)

    def wipe(self) -> None:
        """Lose the database: no rows, log ids start again."""
        self.rows.wipe()

    async def trigger(
        self,
        handler: str,
        params: str | None = "",
        *,
        job_id: int = 1,
        block: str = "SERIAL_EXECUTION",
        timeout: int = 0,  # noqa: ASYNC109 the job's, in seconds
        glue_type: str = "BEAN",
        glue_source: str = "",
        shard: tuple[int, int] = (0, 1),
        address: str | None = None,
        log_id: int | None = None,
    ) -> int:
        """Trigger a run and store the answer in its row; give the log id."""
        job = {
            "jobId": job_id,
            "executorHandler": handler,
            "executorParams": params,
            "executorBlockStrategy": block,
            "executorTimeout": timeout,
            "glueType": glue_type,
            "glueSource": glue_source,
            "broadcastIndex": shard[0],
            "broadcastTotal": shard[1],
        }
        return await self._run(job, address or self._first_address(), log_id)

    async def _run(self, job: dict[str, Any], address: str, log_id: int | None) -> int:
        row = self._opened(job, log_id)
        await self._send(job, row, address)
        return row.log_id

    def _opened(self, job: dict[str, Any], log_id: int | None) -> Row:
        row = self.rows.opened(log_id, job["jobId"], at_ms=self._api.now_ms())
        row.handler, row.params = job["executorHandler"], job["executorParams"]
        if job["broadcastTotal"] > 1:
            row.shard = f"{job['broadcastIndex']}/{job['broadcastTotal']}"
        return row

    async def _send(self, job: dict[str, Any], row: Row, address: str) -> None:
        body = {key: value for key, value in job.items() if value is not None} | {
            "logId": row.log_id,
            "logDateTime": row.trigger_ms,
            "glueUpdatetime": row.trigger_ms // 1000 * 1000,
        }
        reply = await self._caller.call(address, self.generation.run_operation, body)
        if reply.code is not None:
            row.executor_address = address
            row.trigger_code, row.trigger_msg = reply.code, reply.message
        self._tell()

    async def beat(self, address: str | None = None) -> Reply:
        """Ask whether the executor is there (routing FAILOVER)."""
        caller = self._caller
        return await caller.call(address or self._first_address(), "beat", caller.beat_body())

    async def idle_beat(self, job_id: int, address: str | None = None) -> Reply:
        """Ask whether a job is idle (routing BUSYOVER)."""
        body = {"jobId": job_id}
        return await self._caller.call(address or self._first_address(), "idleBeat", body)

    async def kill(self, log_id: int) -> Reply:
        """Kill from the console's log page: on 200 the row fails, whatever it was before."""
        row = self.rows[log_id]
        if row.trigger_code != 200:
            return Reply(500, "only a run that was triggered can be killed")
        reply = await self._caller.call(_address_of(row), "kill", {"jobId": row.job_id})
        if reply.is_success:
            row.handle_code = 500
            row.handle_msg = f"Manual operation, kill job:{reply.message}"
            self._tell()
        return reply

    async def log_page(self, log_id: int, from_line: int = 1) -> LogLines:
        """Ask for a run's log; LookupError if the console would show an error or drop the page."""
        row = self.rows[log_id]
        body = {
            self.generation.log_time_key: row.trigger_ms // 1000 * 1000,
            "logId": log_id,
            "fromLineNum": from_line,
        }
        reply = await self._caller.call(_address_of(row), "log", body)
        if not reply.is_success or reply.payload["fromLineNum"] != from_line:
            raise LookupError(f"no log of {log_id}: {reply}")
        to_line: int = reply.payload["toLineNum"]
        is_end = bool(reply.payload.get("isEnd")) or (from_line > to_line and not row.is_open)
        return LogLines(from_line, to_line, reply.payload["logContent"], is_end)

    @property
    def _caller(self) -> Caller:
        return Caller(self._session, self.generation, self._api.token, self._api.app_name)

    def _first_address(self) -> str:
        if not self.addresses:
            raise LookupError(f"no executor has registered as {self._api.app_name}")
        return self.addresses[0]

    async def finished(self, log_id: int, within: float = 30.0) -> Row:
        """The row of *log_id* once it has its result; TimeoutError after *within* seconds."""
        await self.until(lambda: log_id in self.rows and not self.rows[log_id].is_open, within)
        return self.rows[log_id]

    async def registered(self, within: float = 30.0) -> str:
        """The first address, once one is registered; TimeoutError after *within* seconds."""
        await self.until(lambda: bool(self.addresses), within)
        return self.addresses[0]


def _address_of(row: Row) -> str:
    if row.executor_address is None:
        raise LookupError(f"log {row.log_id} was never triggered")
    return row.executor_address
