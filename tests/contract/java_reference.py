"""The reference Java side of the contract tests: its clients, and an executor of its own."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from executor.testing.fake_admin import FakeAdmin

SOURCE = Path(__file__).with_name("java")
ROOT = Path(__file__).parents[2]
TOKEN = "s3cret"
APP_NAME = "contract"
APIS = {"2.4.2": "v2", "3.3.1": "v3"}
GENERATIONS = {"2.4.2": "2.4", "3.3.1": "3.4"}
"""Which of the fake Admin's generations speaks as that release does."""
START_SECONDS = 30
LONGEST_ANSWER = 16 * 1024 * 1024


def build(version: str) -> str:
    """Builds the module for one release, once; gives the class path.

    Raises LookupError with one sentence when it cannot be built here.
    """
    out = SOURCE / "target" / version
    if not (shutil.which("java") and shutil.which("mvn")):
        raise LookupError("Java and Maven are needed to run the reference clients")
    if not _is_built(out):
        command = [
            "mvn",
            "-q",
            "-B",
            "package",
            f"-Dxxl.version={version}",
            f"-Dapi={APIS[version]}",
        ]
        if not (_succeeds([*command, "-o"]) or _succeeds(command)):
            raise LookupError(f"Maven could not build the reference clients {version}")
    return f"{out}/classes:{out}/lib/*"


def _is_built(out: Path) -> bool:
    jar = out / "reference-1.jar"
    sources = [*(SOURCE / "src").rglob("*.java"), SOURCE / "pom.xml"]
    return (
        (out / "lib").exists()
        and jar.exists()
        and jar.stat().st_mtime > max(path.stat().st_mtime for path in sources)
    )


def _succeeds(command: list[str]) -> bool:
    return subprocess.run(command, cwd=SOURCE, capture_output=True, check=False).returncode == 0


class Driver:
    """The reference clients of one release, in a JVM that is asked line by line."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def call(
        self, url: str, operation: str, args: object = None, *, token: str = TOKEN
    ) -> dict[str, Any]:
        """The answer as the client gives it, its payload under `payload` in every release."""
        asked = {"op": operation, "url": url, "token": token, "args": args}
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(asked).encode() + b"\n")
        line = await asyncio.wait_for(self._process.stdout.readline(), 15)
        answer: dict[str, Any] = json.loads(line)
        payload = answer.pop("content", None)
        return answer | {"payload": payload or answer.pop("data", None)}


@asynccontextmanager
async def driver(class_path: str) -> AsyncIterator[Driver]:
    process = await asyncio.create_subprocess_exec(
        *("java", "-cp", class_path, "reference.Driver"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=LONGEST_ANSWER,
    )
    try:
        yield Driver(process)
    finally:
        await _end(process)


@dataclass(frozen=True, slots=True)
class Subject:
    """An executor under test and the Admin that it calls back."""

    name: str
    url: str
    admin: FakeAdmin
    driver: Driver

    async def call(self, operation: str, args: object = None, **how: str) -> dict[str, Any]:
        return await self.driver.call(self.url, operation, args, **how)

    async def run(self, log_id: int, handler: str, params: str = "", **fields: object) -> int:
        """Triggers through the reference client; gives the code."""
        answer = await self.call("run", a_trigger(log_id, handler, params, **fields))
        code: int = answer["code"]
        return code

    async def result(self, log_id: int, within: float = 15.0) -> tuple[int, str]:
        """The first callback of a run."""
        await self.admin.until(lambda: bool(self._callbacks(log_id)), within)
        first = self._callbacks(log_id)[0]
        return first["handleCode"], first.get("handleMsg") or ""

    def _callbacks(self, log_id: int) -> list[dict[str, Any]]:
        return [entry for entry in self.admin.callbacks if entry["logId"] == log_id]


def a_trigger(log_id: int, handler: str, params: str = "", **fields: object) -> dict[str, Any]:
    """What /run takes; the job is the log id's hundreds, unless *fields* say otherwise."""
    plain = {
        "jobId": log_id // 100,
        "executorHandler": handler,
        "executorParams": params,
        "executorBlockStrategy": "SERIAL_EXECUTION",
        "executorTimeout": 0,
        "logId": log_id,
        "logDateTime": int(time.time() * 1000),
        "glueType": "BEAN",
        "glueSource": "",
        "glueUpdatetime": 1795466108000,
        "broadcastIndex": 0,
        "broadcastTotal": 1,
    }
    return plain | fields


def java_command(class_path: str, port: int, admin: FakeAdmin, folder: Path) -> list[str]:
    arguments = [str(port), admin.url, str(folder), TOKEN, APP_NAME]
    return ["java", "-cp", class_path, "reference.Executor", *arguments]


def our_command() -> list[str]:
    return [str(Path(sys.executable).with_name("qooerp-scheduler")), "executor"]


def our_env(port: int, admin: FakeAdmin, folder: Path) -> dict[str, str]:
    return {
        "QOOERP_EXECUTOR__PORT": str(port),
        "QOOERP_EXECUTOR__APP_NAME": APP_NAME,
        "QOOERP_EXECUTOR__ACCESS_TOKEN": TOKEN,
        "QOOERP_ADMIN__ADDRESSES": admin.url,
        "QOOERP_ADMIN__ACCESS_TOKEN": TOKEN,
        "QOOERP_HANDLERS__MODULES": '["tests.contract.reference_handlers"]',
        "QOOERP_DATA_DIR": str(folder / "data"),
        "PYTHONPATH": str(ROOT),
    }


@asynccontextmanager
async def an_executor(
    command: list[str], env: dict[str, str], folder: Path, *, port: int
) -> AsyncIterator[str]:
    """A started executor that takes connections; gives its URL."""
    with (folder / "output.log").open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=output,
            stderr=output,
            cwd=folder,
            env=os.environ | env,
        )
    try:
        if not await _listens(port, process):
            raise RuntimeError(f"it did not start: {folder}/output.log says why")
        yield f"http://127.0.0.1:{port}/"
    finally:
        await _end(process)


async def _listens(port: int, process: asyncio.subprocess.Process) -> bool:
    """Waits for the port: registration would take up to 30 s, as 3.3+ waits for the half minute."""
    async with asyncio.timeout(START_SECONDS):
        while process.returncode is None:
            with suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                return True
            await asyncio.sleep(0.02)
    return False


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.kill()
    await process.wait()
