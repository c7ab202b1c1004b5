"""Our REST API under measurement: a service that serves it, and connections that ask it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import orjson

from bench.http1 import Caller, connect
from bench.service import Server, service
from bench.target import Running
from executor.testing._ports import free_port

PREFIX = "/api/scheduler"
CONNECTIONS = 16
_TOKEN = "the-token-of-the-bench"
_OPERATOR = [{"name": "bench", "role": "operator", "token": _TOKEN}]
_START_S = 20.0
_SUCCESS = b'{"code":200,'


@dataclass(frozen=True, slots=True)
class Api:
    port: int
    process: Running

    async def ask(self, request: bytes) -> bytes:
        """The body of the answer, on a connection of its own. Raise RuntimeError for a failure."""
        caller = await connect(self.port)
        try:
            return await asked(caller, request)
        finally:
            if caller.transport is not None:
                caller.transport.close()

    async def load(self, next_request: Callable[[], bytes], *, seconds: float) -> list[float]:
        """How long each answer took, s: 16 connections ask as fast as answers come."""
        callers = [await connect(self.port) for _ in range(CONNECTIONS)]
        end, took = time.monotonic() + seconds, list[float]()
        await asyncio.gather(*(_go_on(caller, next_request, end, took) for caller in callers))
        for caller in callers:
            if caller.transport is not None:
                caller.transport.close()
        return took


@asynccontextmanager
async def api(server: Server, *, cores: str = "0,1") -> AsyncIterator[Api]:
    """A service whose API answers, on these cores."""
    port = free_port()
    tokens = orjson.dumps(_OPERATOR).decode()
    settings = {"scheduler__port": port, "scheduler__tokens": tokens}
    with service(server, cores=cores, **settings) as process:
        await process.ready()
        await answers(port)
        yield Api(port, process)


def get(path: str) -> bytes:
    return _request("GET", path, b"")


def post(path: str, body: object) -> bytes:
    return _request("POST", path, orjson.dumps(body))


def put(path: str, body: object) -> bytes:
    return _request("PUT", path, orjson.dumps(body))


async def asked(caller: Caller, request: bytes) -> bytes:
    """The body of the answer. Raise RuntimeError for a failure."""
    answer = await caller.send(request)
    if not answer.startswith(_SUCCESS):
        raise RuntimeError(f"{request[:200]!r} was answered {answer[:500]!r}")
    return answer


async def _go_on(
    caller: Caller, next_request: Callable[[], bytes], end: float, took: list[float]
) -> None:
    while (start := time.monotonic()) < end:
        await asked(caller, next_request())
        took.append(time.monotonic() - start)


async def answers(port: int) -> None:
    """Wait until the service at *port* is well. Raise RuntimeError."""
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline:
        with suppress(OSError):
            caller = await connect(port)
            if b'"UP"' in await caller.send(get("/health")):
                return
        await asyncio.sleep(0.02)
    raise RuntimeError("the API did not begin to answer")


def _request(method: str, path: str, body: bytes) -> bytes:
    path = path if path == "/health" else PREFIX + path
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {_TOKEN}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
