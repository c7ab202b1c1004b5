"""A Nacos for tests, in this process: either generation of its HTTP API, faults included.

It shares no code with the client, so both cannot err alike; one suite holds it against real ones.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any, Self

from aiohttp import web

from executor.testing._ports import free_port

_Key = tuple[str, str, str, str, str]


class FakeNacos:
    """One server of a *generation* ("v1" as in 2.x, "v3" as in 3.x); a user may be asked for."""

    def __init__(
        self, generation: str, *, username: str = "", password: str = "", port: int = 0
    ) -> None:
        self.generation = generation
        self.username, self.password = username, password
        self.port = port
        self.instances: dict[_Key, dict[str, Any]] = {}
        """By namespace, group, service, ip and port."""
        self.configs: dict[tuple[str, str, str], str] = {}
        """By namespace, group and data id."""
        self.tokens: set[str] = set()
        self.asked: list[str] = []
        """Method and path of each request."""
        self.answer_instead: web.Response | None = None
        self.hold = asyncio.Event()
        """Cleared: requests wait until it is set."""
        self.hold.set()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/nacos"

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def is_old(self) -> bool:
        return self.generation == "v1"

    async def start(self) -> None:
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0)
        await self._runner.setup()
        self.port = self.port or free_port()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()

    async def stop(self) -> None:
        """As a crash: instances are forgotten, configs and tokens (which are signed) are not."""
        self.hold.set()
        await self._runner.cleanup()
        self.instances.clear()

    async def publish(self, data_id: str, text: str, *, group: str = "DEFAULT_GROUP") -> None:
        self.configs["public", group, data_id] = text

    async def _answer(self, request: web.Request) -> web.Response:
        await self.hold.wait()
        self.asked.append(f"{request.method} {request.path}")
        if self.answer_instead is not None:
            return web.Response(  # one response object answers once
                status=self.answer_instead.status,
                text=self.answer_instead.text,
                content_type=self.answer_instead.content_type,
            )
        fields = {**request.query, **await request.post()}
        prefix = f"/nacos/{self.generation}/"
        if not request.path.startswith(prefix):
            return _error(404, "No message available")
        path = request.path.removeprefix(prefix)
        if path in ("auth/login", "auth/user/login"):
            return self._sign_in(fields)
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if self.username and token not in self.tokens:
            return _error(403, "token invalid!" if token else "user not found!")
        play = self._play_v1 if self.generation == "v1" else self._play_v3
        return play(request.method, path, fields)

    def _sign_in(self, fields: dict[str, Any]) -> web.Response:
        if fields.get("username") != self.username:
            return _error(403, "Access Denied")
        if fields.get("password") != self.password:
            return _error(403 if self.is_old else 500, "No message available")
        token = f"token-{len(self.tokens)}-{id(fields)}"
        self.tokens.add(token)
        return web.json_response({"accessToken": token, "tokenTtl": 18000})

    def _play_v1(self, method: str, path: str, fields: dict[str, Any]) -> web.Response:
        match method, path:
            case "POST", "ns/instance":
                self._register(fields)
                return web.Response(text="ok")
            case "PUT", "ns/instance/beat":
                code = 10200 if _key(fields) in self.instances else 20404
                return web.json_response({"clientBeatInterval": 5000, "code": code})
            case "DELETE", "ns/instance":
                self.instances.pop(_key(fields), None)
                return web.Response(text="ok")
            case "GET", "ns/instance/list":
                return web.json_response({"hosts": self._listed(fields)})
            case "GET", "cs/configs":
                text = self._config(fields.get("tenant"), fields["group"], fields["dataId"])
                if text is None:
                    return web.Response(status=404, text="config data not exist\n")
                return web.Response(text=text)
        return _error(404, "No message available")

    def _play_v3(self, method: str, path: str, fields: dict[str, Any]) -> web.Response:
        match method, path:
            case "POST", "client/ns/instance" if fields.get("heartBeat") == "true":
                known = _key(fields) in self.instances
                return _v3("ok") if known else _v3(None, 21003, "instance not found")
            case "POST", "client/ns/instance":
                self._register(fields)
                return _v3("ok")
            case "DELETE", "client/ns/instance":
                self.instances.pop(_key(fields), None)
                return _v3("ok")
            case "GET", "client/ns/instance/list":
                return _v3(self._listed(fields))
            case "GET", "client/cs/config":
                space = fields.get("namespaceId")
                text = self._config(space, fields["groupName"], fields["dataId"])
                if text is None:
                    return _v3(None, 20004, "resource not found")
                return _v3({"content": text, "contentType": "yaml"})
        return _error(404, "No endpoint")

    def _register(self, fields: dict[str, Any]) -> None:
        metadata = json.loads(fields.get("metadata") or "{}")
        host = {"ip": fields["ip"], "port": int(fields["port"]), "healthy": True}
        self.instances[_key(fields)] = host | {"metadata": metadata}

    def _listed(self, fields: dict[str, Any]) -> list[dict[str, Any]]:
        wanted = _key(fields | {"ip": "", "port": ""})[:3]
        return [host for key, host in self.instances.items() if key[:3] == wanted]

    def _config(self, namespace: str | None, group: str, data_id: str) -> str | None:
        return self.configs.get((namespace or "public", group, data_id))


def _key(fields: dict[str, Any]) -> _Key:
    space, group = fields.get("namespaceId") or "public", fields.get("groupName") or "DEFAULT_GROUP"
    return space, group, fields["serviceName"], fields["ip"], str(fields["port"])


def _v3(data: object, code: int = 0, message: str = "success") -> web.Response:
    return web.json_response({"code": code, "message": message, "data": data})


def _error(status: int, message: str) -> web.Response:
    body = {"status": status, "error": "", "message": message}
    return web.json_response(body, status=status)
