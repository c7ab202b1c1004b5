"""`/openapi.json`, and `/docs`: a page to try the API on, served from this package alone."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from importlib.resources import files

import orjson
from aiohttp import web

from scheduler.api.endpoint import Endpoint
from scheduler.api.openapi import document

_STATIC = files("scheduler.api") / "static"
_TYPES = {
    "swagger-ui.css": "text/css",
    "swagger-ui-bundle.js": "text/javascript",
    "docs.js": "text/javascript",
}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:;"
    " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class Docs:
    """The document and its page; they need no token, for they hold nothing but the code's shape."""

    def __init__(self, endpoints: Sequence[Endpoint], *, prefix: str) -> None:
        made = document(endpoints, prefix=prefix, version=version("qooerp-scheduler"))
        self._document = orjson.dumps(made)

    def add_to(self, router: web.UrlDispatcher) -> None:
        router.add_get("/openapi.json", self._json)
        router.add_get("/docs", self._page)
        router.add_get("/docs/{name}", self._file)

    async def _json(self, _request: web.Request) -> web.Response:
        return web.Response(body=self._document, content_type="application/json")

    async def _page(self, _request: web.Request) -> web.Response:
        body = (_STATIC / "docs.html").read_bytes()
        headers = {"Content-Security-Policy": _POLICY, "X-Content-Type-Options": "nosniff"}
        return web.Response(body=body, content_type="text/html", charset="utf-8", headers=headers)

    async def _file(self, request: web.Request) -> web.Response:
        kind = _TYPES.get(request.match_info["name"])
        if kind is None:
            raise web.HTTPNotFound
        body = (_STATIC / request.match_info["name"]).read_bytes()
        headers = {"Cache-Control": "max-age=3600", "X-Content-Type-Options": "nosniff"}
        return web.Response(body=body, content_type=kind, charset="utf-8", headers=headers)
