"""An executor for tests, in this process or in one of its own, and how to talk to it."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self

import aiohttp

from executor.app import ExecutorApp
from executor.testing._ports import free_port
from executor.testing.fake_admin import FakeAdmin, Reply
from executor.testing.fake_admin import LogLines as LogLines
from scheduler.settings import load

HANDLERS = "tests.integration.executor_handlers"
ROOT = Path(__file__).parents[2]
LIMIT_S = 60.0
_LOOK_EVERY_S = 0.005


async def until(holds: Callable[[], object], what: str = "", within: float = LIMIT_S) -> None:
    """Wait until *holds* gives something true; AssertionError after *within* seconds."""
    end = time.monotonic() + within
    while not holds():
        assert time.monotonic() < end, f"did not come true: {what or holds}"
        await asyncio.sleep(_LOOK_EVERY_S)


def environment(folder: Path, *admins: FakeAdmin, **settings: object) -> dict[str, str]:
    """The variables of an executor of *admins*; *settings* as `executor__port=1`."""
    chosen: dict[str, object] = {
        "data_dir": folder / "data",
        "handlers__modules": HANDLERS,
        "executor__port": 0,
        "executor__drain_seconds": 0,
        "executor__stop_grace_seconds": 0.2,
        "executor__kill_grace_seconds": 0.3,
    }
    if admins:
        chosen["admin__addresses"] = ",".join(admin.url for admin in admins)
        chosen["admin__access_token"] = admins[0]._api.token
    return {f"QOOERP_{key.upper()}": str(value) for key, value in (chosen | settings).items()}


@asynccontextmanager
async def an_executor(
    folder: Path, *admins: FakeAdmin, **settings: object
) -> AsyncIterator[ExecutorApp]:
    """An executor in this process, registered at *admins* when this begins; it leaves in a hurry."""
    app = ExecutorApp(load(None, environment(folder, *admins, **settings)))
    await app.start()
    try:
        for admin in admins[:1]:
            await admin.registered()
        yield app
    finally:
        hurry = asyncio.Event()
        hurry.set()
        await app.stop(hurry=hurry)


class Service:
    """An executor in a process of its own, which may be killed and started again."""

    face = "executor"
    """The command that begins it."""

    def __init__(self, folder: Path, *admins: FakeAdmin, **settings: object) -> None:
        self.port = free_port()
        self.errors = folder / "stderr.txt"
        self._environ = environment(folder, *admins, executor__port=self.port, **settings)
        self._process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    async def launch(self, *, limit: Callable[[], None] | None = None) -> None:
        """Start the process, *limit* called in it first; it may not answer yet."""
        command = [
            "-m",
            "scheduler",
            self.face,
            "--app-dir",
            str(ROOT),
        ]
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        with self.errors.open("ab") as errors:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                *command,
                env=kept | self._environ,
                cwd=ROOT,
                stdout=errors,
                stderr=errors,
                preexec_fn=limit,
            )

    async def start(self) -> None:
        """Start the process, and wait until it answers."""
        await self.launch()
        async with asyncio.timeout(LIMIT_S):
            while not await self.answers():
                assert self._process is not None
                assert self._process.returncode is None, self.errors.read_text()
                await asyncio.sleep(_LOOK_EVERY_S)

    async def answers(self) -> bool:
        try:
            await post(self.url + "/beat")
        except aiohttp.ClientError:
            return False
        return True

    def signal(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    async def exit_code(self, within: float = LIMIT_S) -> int:
        assert self._process is not None
        return await asyncio.wait_for(self._process.wait(), within)

    async def kill_9(self) -> None:
        assert self._process is not None
        self._process.kill()
        await self.exit_code()

    async def stop(self) -> int:
        assert self._process is not None
        if self._process.returncode is None:
            self._process.terminate()
        return await self.exit_code()

    async def __aenter__(self) -> Self:
        try:
            await self.start()
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._process is not None
        if self._process.returncode is None:
            await self.kill_9()


async def post(url: str, body: object = None, *, token: str = "") -> Reply:
    """POST *body*, bytes or what becomes JSON; the answer as JSON has it."""
    data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    headers = {"XXL-JOB-ACCESS-TOKEN": token} if token else {}
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, data=data, headers=headers) as response,
    ):
        assert response.status == 200
        answer = json.loads(await response.read())
        return Reply(answer["code"], answer["msg"] or "", answer["data"])


def a_trigger(
    log_id: int, handler: str = "echo", params: str = "", **fields: Any
) -> dict[str, Any]:
    """The body of a `/run`."""
    return {
        "jobId": 1,
        "executorHandler": handler,
        "executorParams": params,
        "executorBlockStrategy": "SERIAL_EXECUTION",
        "executorTimeout": 0,
        "logId": log_id,
        "logDateTime": 1_795_466_126_195,
        "glueType": "BEAN",
        "glueSource": "",
        "glueUpdatetime": 1_795_466_108_000,
        "broadcastIndex": 0,
        "broadcastTotal": 1,
    } | fields
