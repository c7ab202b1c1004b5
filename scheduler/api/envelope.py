"""The envelope that QooERP's clients expect: `{"code", "message", "data"}`; the status says the same."""

from __future__ import annotations

from collections.abc import Mapping

import orjson
from aiohttp import web


def success(data: object) -> web.Response:
    """*data*, which is JSON already but for its bytes."""
    return _response(200, "success", data)


def failure(
    code: int, message: str, data: object = None, *, headers: Mapping[str, str] | None = None
) -> web.Response:
    return _response(code, message, data, headers)


def _response(
    code: int, message: str, data: object, headers: Mapping[str, str] | None = None
) -> web.Response:
    body = orjson.dumps({"code": code, "message": message, "data": data})
    response = web.Response(body=body, status=code, content_type="application/json")
    response.headers.update({"Cache-Control": "no-store", **(headers or {})})
    return response
