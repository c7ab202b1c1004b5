"""The HTTP server of a fake Admin, and what can be wrong with it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum

from aiohttp import web

from executor.testing._admin_api import Api
from executor.testing._admin_rows import Generation
from executor.testing._ports import hold

_LOGIN_PAGE = '<!DOCTYPE html><html><form><input type="password" name="password"></form></html>'
_NOT_FOUND_PAGE = "<!doctype html><html><h1>HTTP Status 404 – Not Found</h1></html>"


_GRACE_S = 0.05
"""What requests in work get when the port closes; 0 would be no limit."""


class Fault(StrEnum):
    """What can be wrong with an Admin."""

    UNREACHABLE = "unreachable"
    """Its port is closed."""
    SLOW = "slow"
    """It does what it is asked, and answers `seconds` later."""
    HTTP_STATUS = "http_status"
    """It answers `status`."""
    LOGIN_PAGE = "login_page"
    DROP = "drop"
    """It does what it is asked, and closes the connection without an answer."""
    REFUSE = "refuse"
    """It answers code 500 with `message`."""
    WRONG_TOKEN = "wrong_token"
    REDIRECT = "redirect"
    """It sends elsewhere."""
    HALF = "half"
    """It does what it is asked, and answers the first half of it."""


@dataclass(frozen=True, slots=True)
class _Trouble:
    fault: Fault
    seconds: float
    status: int
    message: str


@dataclass(frozen=True, slots=True)
class Request:
    """A request that reached the Admin."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: str


class AdminServer:
    """Serves an Api under a context path, on one port for its whole life."""

    def __init__(self, api: Api, context_path: str, *, host: str, port: int) -> None:
        self.requests: deque[Request] = deque(maxlen=1000)
        """The latest requests that reached it, whatever it made of them."""
        self._api = api
        self._context = context_path
        self._host, self._port = host, port
        self._held = ExitStack()
        self._runner: web.ServerRunner | None = None
        self._trouble: _Trouble | None = None
        self._healed = asyncio.Event()
        self._news = asyncio.Event()

    @property
    def url(self) -> str:
        """What an executor is configured with."""
        return f"http://{self._host}:{self._port}{self._context}"

    @property
    def generation(self) -> Generation:
        return self._api.generation

    @property
    def token(self) -> str:
        """The access token that it asks for and sends; empty: none."""
        return self._api.token

    @property
    def app_name(self) -> str:
        """Of the executors that it triggers."""
        return self._api.app_name

    async def until(self, holds: Callable[[], bool], within: float = 30.0) -> None:
        """Wait until *holds*, asked after each request; TimeoutError after *within* seconds."""
        async with asyncio.timeout(within):
            while not holds():
                await self._news.wait()

    def _tell(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    @asynccontextmanager
    async def fault(
        self,
        fault: str,
        *,
        seconds: float = 10.0,
        status: int = 500,
        message: str = "no",
    ) -> AsyncIterator[None]:
        """Have the Admin fail in this way inside the block."""
        await self.set_fault(fault, seconds=seconds, status=status, message=message)
        try:
            yield
        finally:
            await self.clear_fault()

    async def set_fault(
        self, fault: str, *, seconds: float = 10.0, status: int = 500, message: str = "no"
    ) -> None:
        """Have the Admin fail in this way from now on."""
        self._trouble = _Trouble(Fault(fault), seconds, status, message)
        self._healed.clear()
        if self._trouble.fault is Fault.UNREACHABLE:
            await self._close()

    async def clear_fault(self) -> None:
        """Have the Admin work again, on the same port."""
        self._trouble = None
        self._healed.set()
        if self._runner is None:
            await self._listen()

    async def _open(self) -> None:
        # no other server gets the port while this one is unreachable
        self._port = self._held.enter_context(hold(self._host, self._port)).getsockname()[1]
        await self._listen()

    async def _leave(self) -> None:
        await self._close()
        self._held.close()

    async def _listen(self) -> None:
        self._runner = web.ServerRunner(web.Server(self._serve), shutdown_timeout=_GRACE_S)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, self._port, reuse_address=True).start()

    async def _close(self) -> None:
        if self._runner is not None:
            runner, self._runner = self._runner, None
            await runner.cleanup()

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        body = (await request.content.read()).decode("utf-8", "replace")
        self.requests.append(Request(request.method, request.path, request.headers, body))
        response = await self._response(request, body)
        self._tell()
        return response

    async def _response(self, request: web.BaseRequest, body: str) -> web.StreamResponse:
        match self._trouble:
            case _Trouble(Fault.HTTP_STATUS, status=status):
                return web.Response(status=status, text="<html>error</html>")
            case _Trouble(Fault.LOGIN_PAGE):
                return _page(_LOGIN_PAGE)
            case _Trouble(Fault.REFUSE, message=message):
                return web.json_response(self.generation.reply(message))
            case _Trouble(Fault.WRONG_TOKEN):
                return web.json_response(self.generation.reply(self._wrong_token))
            case _Trouble(Fault.REDIRECT):
                return web.Response(status=302, headers={"Location": "http://127.0.0.1:9/gone"})
        return await self._spoilt(request, await self._page_of(request, body))

    async def _spoilt(self, request: web.BaseRequest, response: web.Response) -> web.StreamResponse:
        """What becomes of a good answer."""
        match self._trouble:
            case _Trouble(Fault.SLOW, seconds=seconds):
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._healed.wait(), seconds)
            case _Trouble(Fault.HALF) if isinstance(response.body, bytes):
                return web.Response(
                    body=response.body[: len(response.body) // 2], content_type="application/json"
                )
            case _Trouble(Fault.DROP) if request.transport is not None:
                request.transport.abort()
        return response

    @property
    def _wrong_token(self) -> str:
        if self.generation >= Generation.V3_5:
            return "invalid request, accessToken or appname invalid."
        return "The access token is wrong."

    async def _page_of(self, request: web.BaseRequest, body: str) -> web.Response:
        path = request.path.removeprefix(self._context)
        if not request.path.startswith(self._context + "/"):
            return _page(_NOT_FOUND_PAGE, 404)
        operation = self._operation_in(path)
        if operation is not None:
            answer = self._api.answer(request.method, operation, request.headers, body=body)
            return web.json_response(answer)
        if path == self.generation.login_path:
            return _page(_LOGIN_PAGE)
        if path == "/" or self.generation < Generation.V3_2:
            location = self._context + self.generation.login_path
            return web.Response(status=302, headers={"Location": location})
        return _page(_NOT_FOUND_PAGE, 404)

    def _operation_in(self, path: str) -> str | None:
        """The operation of an API path; a trailing slash is forgiven before 3.x (Spring 6)."""
        if self.generation < Generation.V3_2:
            path = path.removesuffix("/")
        operation = path.removeprefix("/api/")
        return operation if operation != path and "/" not in operation else None


def _page(text: str, status: int = 200) -> web.Response:
    return web.Response(text=text, status=status, content_type="text/html")
