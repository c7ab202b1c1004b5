"""Real Nacos servers for the tests, out of Maven Central: 2.3.2 and 3.1.0, with sign-in switched on."""

from __future__ import annotations

import asyncio
import base64
import os
import random
import secrets
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp

SOURCE = Path(__file__).with_name("nacos")
START_SECONDS = 240
USER, PASSWORD = "nacos", "s3cret-of-nacos"
ARTIFACTS = {
    "2.3.2": ("org.jeecgframework.nacos", "nacos-console", "2.3.2"),
    "3.1.0": ("io.github.pig-mesh.nacos", "nacos-server", "3.1.0-bugfix"),
}
_PROGRAMS = {"2.3.2": "com.alibaba.nacos.Nacos", "3.1.0": str(SOURCE / "Launcher.java")}
_JVM = [
    *("-Xms64m", "-Xmx256m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"),
    "-Dderby.system.durability=test",  # nothing here is worth a disk's time
]
_PROPERTIES = """\
server.address=127.0.0.1
server.port={port}
nacos.server.main.port={port}
nacos.inetutils.ip-address=127.0.0.1
nacos.core.auth.enabled=true
nacos.core.auth.system.type=nacos
nacos.core.auth.server.identity.key={key}
nacos.core.auth.server.identity.value={key}
nacos.core.auth.plugin.nacos.token.secret.key={key}
nacos.core.auth.plugin.nacos.token.expire.seconds=18000
db.pool.config.connectionTimeout=60000
"""


def class_path(version: str) -> str:
    """What Java needs to run *version*; LookupError with a sentence when it can't be had here."""
    if not (shutil.which("java") and shutil.which("mvn")):
        raise LookupError("Java and Maven are needed to run a real Nacos")
    out = SOURCE / "target" / f"{version}.txt"
    group, artifact, release = ARTIFACTS[version]
    command = [
        *("mvn", "-q", "-B", "dependency:build-classpath", f"-Dmdep.outputFile={out}"),
        *(f"-Dserver.group={group}", f"-Dserver.artifact={artifact}"),
        f"-Dserver.version={release}",
    ]
    if not _is_there(out) and not (_succeeds([*command, "-o"]) or _succeeds(command)):
        raise LookupError(f"Maven could not get Nacos {version}")
    return out.read_text()


def _is_there(out: Path) -> bool:
    return out.exists() and all(Path(jar).exists() for jar in out.read_text().split(os.pathsep))


def _succeeds(command: list[str]) -> bool:
    return subprocess.run(command, cwd=SOURCE, capture_output=True, check=False).returncode == 0


class NacosServer:
    """One server with its own folder; it takes 8 s to start, and much longer on a busy machine."""

    def __init__(self, version: str, folder: Path) -> None:
        self.version = version
        self.port = _free_ports()
        self.url = f"http://127.0.0.1:{self.port}/nacos"
        self.is_old = version.startswith("2")
        self.password = "nacos" if self.is_old else PASSWORD
        self._folder = folder
        self._output = folder / "output.log"

    def start(self) -> None:
        """Begin to start; `ready` waits."""
        conf = self._folder / "conf"
        conf.mkdir(parents=True)
        key = base64.b64encode(secrets.token_bytes(48)).decode()
        (conf / "application.properties").write_text(_PROPERTIES.format(port=self.port, key=key))
        command = [
            *("java", *_JVM, "-Dnacos.standalone=true", f"-Dnacos.home={self._folder}"),
            f"-Dspring.config.additional-location=file:{conf}/",
            *("-cp", class_path(self.version), _PROGRAMS[self.version]),
        ]
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(
                command, cwd=self._folder, stdout=output, stderr=output
            )

    @asynccontextmanager
    async def ready(self) -> AsyncIterator[None]:
        """Wait until somebody can sign in; RuntimeError when it has ended."""
        async with aiohttp.ClientSession() as self._session:
            async with asyncio.timeout(START_SECONDS):
                while not await self._signs_in():
                    if self._process.poll() is not None:
                        raise RuntimeError(f"it did not start: {self._output} says why")
                    await asyncio.sleep(0.2)
            yield

    async def publish(self, data_id: str, text: str, *, group: str) -> None:
        """Put a config, as an operator does in the console."""
        path, group_key = (
            ("v1/cs/configs", "group") if self.is_old else ("v3/admin/cs/config", "groupName")
        )
        fields = {"dataId": data_id, group_key: group, "content": text, "type": "yaml"}
        answer = await self._post(path, fields, self._token)
        assert answer.ok, await answer.text()

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    async def _signs_in(self) -> bool:
        generation = "v1/auth" if self.is_old else "v3/auth/user"
        user = {"username": USER, "password": self.password}
        with suppress(aiohttp.ClientError):
            answer = await self._post(f"{generation}/login", user)
            if answer.ok:
                self._token = (await answer.json(content_type=None))["accessToken"]
                return True
            await self._post("v3/auth/user/admin", {"password": PASSWORD})  # 3.x has none at first
        return False

    async def _post(
        self, path: str, fields: dict[str, str], token: str = ""
    ) -> aiohttp.ClientResponse:
        headers: dict[str, Any] = {"Authorization": f"Bearer {token}"} if token else {}
        return await self._session.post(f"{self.url}/{path}", data=fields, headers=headers)


def _free_ports() -> int:
    """A port that is free together with those that Nacos derives from it."""
    while True:
        port = random.randrange(21_000, 31_000)
        with suppress(OSError):
            for offset in (-1000, 0, 1000, 1001):
                with socket.socket() as probe:
                    probe.bind(("", port + offset))
            return port
