"""A real HTTP server for tests that plays gateways, robots and webhooks, and checks signatures."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from aiohttp import web

SIGNING_KEY = "the key of the webhook"
ROBOT_SECRET = "SEC-of-the-robot"
LOOPBACK = '["127.0.0.0/8"]'
"""As `alarms.allowed_networks`."""


class Got(NamedTuple):
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes


class GatewayServer:
    """Answers at `/hook`, `/sms`, `/ding`, `/wecom`, `/feishu/…`, and badly elsewhere."""

    def __init__(self) -> None:
        self.got: list[Got] = []
        self.wrong: list[str] = []
        """What was asked without a good signature."""
        self.release = asyncio.Event()
        self.says = 200, ""
        """Status and body of the answer at `/says`."""
        self.url = ""

    def at(self, path: str) -> list[Got]:
        return [one for one in self.got if one.path == path]

    async def _note(self, request: web.Request) -> Got:
        got = Got(
            request.path,
            dict(request.query),
            {name.lower(): value for name, value in request.headers.items()},
            await request.read(),
        )
        self.got.append(got)
        return got

    async def hook(self, request: web.Request) -> web.Response:
        got = await self._note(request)
        signed = got.headers["x-qooerp-timestamp"] + "." + got.headers["x-qooerp-message-id"] + "."
        good = hmac.new(
            SIGNING_KEY.encode(), signed.encode() + got.body, hashlib.sha256
        ).hexdigest()
        if got.headers.get("x-qooerp-signature") != f"sha256={good}":
            self.wrong.append(got.path)
            return web.Response(status=401, text="wrong signature")
        return web.json_response({"code": 0})

    async def ding(self, request: web.Request) -> web.Response:
        got = await self._note(request)
        text = f"{got.query.get('timestamp')}\n{ROBOT_SECRET}".encode()
        good = b64encode(hmac.new(ROBOT_SECRET.encode(), text, hashlib.sha256).digest()).decode()
        return self._robot(got.query.get("sign") == good, "errcode", 310000)

    async def wecom(self, request: web.Request) -> web.Response:
        got = await self._note(request)
        return self._robot(got.query.get("key") == "t0ken", "errcode", 93000)

    async def feishu(self, request: web.Request) -> web.Response:
        import json

        got = await self._note(request)
        body: dict[str, Any] = json.loads(got.body)
        key = f"{body['timestamp']}\n{ROBOT_SECRET}".encode()
        good = b64encode(hmac.new(key, b"", hashlib.sha256).digest()).decode()
        return self._robot(body["sign"] == good, "code", 19021)

    def _robot(self, good: bool, field: str, code: int) -> web.Response:
        return web.json_response({field: 0 if good else code, "msg": "ok" if good else "sign"})

    async def sms(self, request: web.Request) -> web.Response:
        await self._note(request)
        return web.Response(text="taken")

    async def say(self, request: web.Request) -> web.Response:
        await self._note(request)
        status, body = self.says
        return web.Response(status=status, text=body)

    async def open(self, request: web.Request) -> web.StreamResponse:
        """A good answer, whose end does not come."""
        await self._note(request)
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"taken")
        await self.release.wait()
        return response

    async def hang(self, request: web.Request) -> web.Response:
        await self._note(request)
        await self.release.wait()
        return web.Response()

    async def endless(self, request: web.Request) -> web.StreamResponse:
        """10 MB that say nothing."""
        await self._note(request)
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(160):
            await response.write(b"x" * 65_536)
        return response

    async def away(self, request: web.Request) -> web.Response:
        await self._note(request)
        return web.Response(status=302, headers={"Location": "/hook"})


@asynccontextmanager
async def a_gateway() -> AsyncIterator[GatewayServer]:
    server = GatewayServer()
    app = web.Application()
    for path in ("hook", "ding", "wecom", "hang", "endless", "away", "open"):
        app.router.add_post(f"/{path}", getattr(server, path))
    app.router.add_post("/says{rest:.*}", server.say)
    app.router.add_post("/feishu/{token}", server.feishu)
    app.router.add_route("*", "/sms", server.sms)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield server
    finally:
        server.release.set()
        await runner.cleanup()
