"""The envelope that QooERP's clients expect: `{"code", "message", "data"}`; the status says the same."""

from __future__ import annotations

from collections.abc import Mapping

import orjson
from aiohttp import web

_HEADERS = {"Content-Type": "application/json", "Cache-Control": "no-store"}


def success(data: bytes) -> web.Response:
    """*data* is JSON."""
    return _response(200, b'{"code":200,"message":"success","data":%b}' % data)


def failure(
    code: int, message: str, data: object = None, *, headers: Mapping[str, str] | None = None
) -> web.Response:
    body = orjson.dumps({"code": code, "message": message, "data": data})
    return _response(code, body, headers)


def _response(code: int, body: bytes, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.Response(body=body, status=code, headers={**_HEADERS, **(headers or {})})
