"""The demo's own jobs: made through the REST API as any client would, fired by the engine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp

GROUP = "demo-live"
_CRON, _INTERVAL, _ONCE = "every 2 s by cron", "every 3 s by interval", "once, in 3 s"
_RETRIED, _FIRST, _SECOND = "fails, tried again twice", "graph: first", "graph: second"
ENDINGS = {
    _CRON: {"succeeded"},
    _INTERVAL: {"succeeded"},
    _ONCE: {"succeeded"},
    _RETRIED: {"failed"},
    _FIRST: {"succeeded"},
    _SECOND: {"succeeded"},
}
"""How the runs of each job have to end."""
_RETRIES = 2
_LOOK_S = 0.3


class DemoJobs:
    """A client of the REST API at *url*."""

    def __init__(self, url: str, token: str) -> None:
        headers = {"Authorization": f"Bearer {token}"}
        self._session = aiohttp.ClientSession(f"{url}/api/scheduler/", headers=headers)
        self._names: dict[int, str] = {}

    async def make(self) -> None:
        """Make the jobs and start them; those of an earlier demo go first."""
        old = await self._call("GET", "jobs", params={"jobGroup": GROUP, "size": "100"})
        for job in sorted(old["records"], key=lambda job: -job["id"]):
            await self._call("DELETE", f"jobs/{job['id']}")
        soon = (datetime.now(UTC) + timedelta(seconds=3)).isoformat()  # noqa: TID251 - a client's
        await self._make(_CRON, "sampleText", scheduleType="cron", cronExpression="*/2 * * * * ?")
        await self._make(_INTERVAL, "sampleThread", scheduleType="interval", intervalSeconds=3)
        await self._make(_ONCE, "sampleAsync", scheduleType="once", runAt=soon)
        retries = {"retryStrategy": "fixed", "retryCount": _RETRIES, "retryIntervalSeconds": 1}
        await self._make(_RETRIED, "sampleFail", scheduleType="once", runAt=soon, **retries)
        first = await self._make(_FIRST, "sampleAsync", scheduleType="once", runAt=soon)
        await self._make(_SECOND, "sampleProcess", dependsOn=[first])

    async def runs(self) -> AsyncIterator[dict[str, Any]]:
        """The ended runs of these jobs, with their `jobName`, as they come; without an end."""
        told: set[int] = set()
        while True:
            for job_id, name in self._names.items():
                wanted = {"jobId": str(job_id), "size": "10"}  # a job that ran once is gone
                page = await self._call("GET", "logs", params=wanted)
                for run in reversed(page["records"]):
                    if run["endTime"] is not None and run["id"] not in told:
                        told.add(run["id"])
                        yield run | {"jobName": name}
            await asyncio.sleep(_LOOK_S)

    async def close(self) -> None:
        await self._session.close()

    async def _make(self, name: str, handler: str, **rule: object) -> int:
        job = {"jobName": name, "jobGroup": GROUP, "handlerName": handler, "status": "running"}
        made = await self._call("POST", "jobs", json=job | rule)
        self._names[made["id"]] = name
        job_id: int = made["id"]
        return job_id

    async def _call(self, method: str, path: str, **arguments: Any) -> Any:
        async with self._session.request(method, path, **arguments) as response:
            answer = await response.json()
        if answer["code"] != 200:
            raise RuntimeError(f"{method} {path}: {answer['message']}")
        return answer["data"]


class Expectation:
    """Whether every job has run as it should, its retries included."""

    def __init__(self) -> None:
        self._missing = dict.fromkeys(ENDINGS, 1) | {_RETRIED: 1 + _RETRIES}
        self.wrong = False

    def see(self, run: dict[str, Any]) -> bool:
        """Take note of *run*; True once nothing is missing any more."""
        name = run["jobName"]
        self._missing[name] -= 1
        self.wrong |= run["status"] not in ENDINGS[name]
        return all(number <= 0 for number in self._missing.values())
