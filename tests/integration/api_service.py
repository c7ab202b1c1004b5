"""A whole service for tests of the REST API, and a client that speaks to it over HTTP."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp

from scheduler.app import SchedulerApp
from scheduler.settings import load
from tests.integration.engine_service import HANDLERS, settings_for

PREFIX = "/api/scheduler"
ALL_HANDLERS = f"handlers,{HANDLERS},tests.integration.api_handlers"
"""The product's own and the samples too."""
TOKENS = {role: f"the-token-of-a-{role}" for role in ("viewer", "operator", "admin")}
LIMIT_S = 30.0
_LOOK_EVERY_S = 0.02


class Answer(NamedTuple):
    status: int
    message: str
    data: Any


class Api:
    """Asks as one who holds a token."""

    def __init__(self, session: aiohttp.ClientSession, app: SchedulerApp) -> None:
        self.session = session
        self.app = app
        self.url = f"http://127.0.0.1:{app.port}"

    async def ask(
        self, method: str, path: str, body: object = None, *, role: str = "admin"
    ) -> Answer:
        """Ask, and take the envelope apart: its code is the status."""
        data = json.dumps(body).encode() if body is not None else None
        headers = {"Authorization": f"Bearer {TOKENS[role]}"}
        url = self.url + PREFIX + path
        async with self.session.request(method, url, data=data, headers=headers) as response:
            envelope = await response.json()
        assert set(envelope) == {"code", "message", "data"}
        assert envelope["code"] == response.status
        return Answer(response.status, envelope["message"], envelope["data"])

    async def get(self, path: str, **query: object) -> Any:
        """The data of a successful GET."""
        words = "&".join(f"{name}={value}" for name, value in query.items())
        return _data(await self.ask("GET", f"{path}?{words}" if words else path))

    async def post(self, path: str, body: object = None) -> Any:
        return _data(await self.ask("POST", path, body))

    async def put(self, path: str, body: object) -> Any:
        return _data(await self.ask("PUT", path, body))

    async def delete(self, path: str) -> Any:
        return _data(await self.ask("DELETE", path))

    async def a_job(self, **fields: object) -> dict[str, Any]:
        """A job that was made as the fields say."""
        job: dict[str, Any] = await self.post(
            "/jobs", {"jobName": "a job", "handlerName": "note"} | fields
        )
        return job

    async def a_run(self, job_id: int, params: str | None = None) -> dict[str, Any]:
        """A run of the job, to its end."""
        executed = await self.post("/jobs/execute", {"jobId": job_id, "params": params})
        return await self.ended(executed["logId"])

    async def ended(self, log_id: int) -> dict[str, Any]:
        """Wait until the run has ended."""
        return await self.run_in(log_id, "succeeded", "failed", "killed", "timed_out", "discarded")

    async def run_in(self, log_id: int, *states: str) -> dict[str, Any]:
        """Wait until the run is in one of these states."""
        end = time.monotonic() + LIMIT_S
        while True:
            answer = await self.ask("GET", f"/logs/{log_id}")
            if answer.status == 200 and answer.data["status"] in states:
                run: dict[str, Any] = answer.data
                return run
            assert time.monotonic() < end, f"did not come true: {answer}"
            await asyncio.sleep(_LOOK_EVERY_S)


def _data(answer: Answer) -> Any:
    assert answer.status == 200, answer
    assert answer.message == "success"
    return answer.data


@asynccontextmanager
async def an_api(
    folder: Path, url: str, *, wait: bool = True, **settings: Any
) -> AsyncIterator[Api]:
    """A service in this process, and a client of it; *wait* until its database is ready."""
    tokens = [{"name": f"a {role}", "role": role, "token": TOKENS[role]} for role in TOKENS]
    chosen: dict[str, object] = {"scheduler__tokens": json.dumps(tokens)}
    app = SchedulerApp(load(None, settings_for(folder, url, **(chosen | settings))))
    await app.start()
    try:
        if wait:
            await asyncio.wait_for(app.storage.ready.wait(), LIMIT_S)
        async with aiohttp.ClientSession() as session:
            yield Api(session, app)
    finally:
        await app.stop()
