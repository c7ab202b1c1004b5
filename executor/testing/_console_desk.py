"""Takes a request to a fake Admin's console or job API, and hands it to who answers it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from aiohttp import web

from executor.testing._admin_rows import Generation
from executor.testing._console_access import NOT_SIGNED_IN, PageCrash, PageFault
from executor.testing._console_jobs import JobApi
from executor.testing._console_pages import MissingParameter, Page, Pages

if TYPE_CHECKING:
    from executor.testing._admin_api import Api
    from executor.testing._console_tables import User
    from executor.testing.fake_console import FakeConsole

_ERROR_PAGE = "<!DOCTYPE html><html><h1>System Error</h1><p>HTTP Status Code: {}</p></html>"


class Desk:
    """The HTTP side of a console under a *context* path."""

    def __init__(self, console: FakeConsole, api: Api, context: str) -> None:
        self._console, self._context = console, context
        self._pages = Pages(console)
        self._job_api = JobApi(console, api)

    async def answer(self, request: web.BaseRequest, body: str) -> web.Response | None:
        """The answer, or None when neither console nor job API is asked for."""
        path = request.path.removeprefix(self._context + "/")
        if self._console.generation >= Generation.V3_5:
            return self._api_answer(request, path, body)
        given = dict(parse_qsl(body, keep_blank_values=True)) | dict(request.query)
        if path == self._console.access.path:
            return self._sign_in(given)
        page = self._pages.page(path)
        if page is None:
            return None
        user = self._console.access.user(request.cookies)
        if user is None:
            return self._not_signed_in(path)
        if self._console.before_page is not None:
            self._console.before_page(path)
        return await self._page(path, page, given, user=user)

    async def _page(
        self, path: str, page: Page, given: dict[str, str], *, user: User
    ) -> web.Response:
        try:
            value = await page(self._pages.form(path, given), user)
        except PageCrash as crash:
            return self._crashed(str(crash))
        except PageFault as fault:
            return web.json_response(self._reply(str(fault)))
        except MissingParameter:
            text = _ERROR_PAGE.format(400)
            return web.Response(status=400, text=text, content_type="text/html")
        bare = path.endswith("pageList") and self._console.generation < Generation.V3_4
        return web.json_response(value if bare else self._reply(None, value))

    def _api_answer(self, request: web.BaseRequest, path: str, body: str) -> web.Response | None:
        if path not in self._job_api.paths:
            return None
        return web.json_response(self._job_api.answer(path, request.headers, body))

    def _sign_in(self, form: dict[str, str]) -> web.Response:
        access = self._console.access
        try:
            cookie = access.signed_in(form)
        except PageFault as fault:
            return web.json_response(self._reply(str(fault)))
        response = web.json_response(self._reply(None))
        response.set_cookie(access.cookie, cookie, httponly=True)
        return response

    def _not_signed_in(self, path: str) -> web.Response:
        if self._console.generation < Generation.V3_2:
            location = f"{self._context}/toLogin"
            return web.Response(status=302, headers={"Location": location})
        return self._crashed(f"{NOT_SIGNED_IN}/{path}")

    def _crashed(self, words: str) -> web.Response:
        generation = self._console.generation
        if generation < Generation.V3_2:
            return web.json_response(self._reply(words))
        return web.json_response(
            {"code": 203 if generation < Generation.V3_4 else 500, "msg": words}
        )

    def _reply(self, fault: str | None, payload: object = None) -> dict[str, Any]:
        generation = self._console.generation
        return generation.reply(fault) | {generation.payload_key: payload}
