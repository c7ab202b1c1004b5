"""The aiohttp application: routes from declarations, and the way every request goes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import orjson
import structlog
from aiohttp import web
from pydantic import BaseModel, ValidationError

from scheduler.api.auth import Tokens, check_role
from scheduler.api.door import Inner
from scheduler.api.endpoint import Endpoint, endpoints_of
from scheduler.api.envelope import failure, success
from scheduler.api.errors import answer_to, bad_input, invalid
from scheduler.audit import acting
from scheduler.pulse import Pulse

_log = structlog.get_logger(__name__)
PREFIX = "/api/scheduler"
MOST_BODY = 4 * 2**20
"""Bytes."""
_BODY_WITHIN_S = 10.0


def build(
    endpoints: Sequence[Endpoint],
    tokens: Tokens,
    pulse: Pulse,
    *,
    welcome: Callable[[Inner], None],
) -> web.Application:
    """The application that answers at *endpoints*.

    *pulse* says whether the database is there; *welcome* is told by whom a right token was shown.
    """
    app = web.Application(client_max_size=MOST_BODY, middlewares=[_told])
    for endpoint in endpoints:
        handler = _Way(endpoint, tokens, pulse, welcome).go
        app.router.add_route(endpoint.method, PREFIX + _pattern(endpoint), handler)
    return app


def _pattern(endpoint: Endpoint) -> str:
    """The path as the router reads it: what is no number is not taken for an id."""
    path = endpoint.path
    if "path" in endpoint.models:
        for field in endpoint.models["path"].model_fields.values():
            if field.annotation is int:
                path = path.replace(f"{{{field.alias}}}", f"{{{field.alias}:[0-9]+}}")
    return path


def endpoints_of_all(groups: Sequence[object]) -> list[Endpoint]:
    """Every endpoint of *groups*; those with fixed paths first, so that no name swallows them."""
    found = [endpoint for group in groups for endpoint in endpoints_of(group)]
    return sorted(found, key=lambda endpoint: endpoint.path.count("{"))


@web.middleware
async def _told(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Turn what goes wrong into an answer."""
    try:
        return await handler(request)
    except Exception as error:  # noqa: BLE001 - the one place that answers for all of them
        response = answer_to(error)
        if response is None:
            _log.exception("request_failed", method=request.method, path=request.path)
            response = failure(500, "internal error, see the service's own log")
        if not request.content.is_eof():
            response.force_close()
        return response


class _Way:
    """The way of a request to one endpoint: who, may they, what, answer."""

    def __init__(
        self, endpoint: Endpoint, tokens: Tokens, pulse: Pulse, welcome: Callable[[Inner], None]
    ) -> None:
        self._endpoint = endpoint
        self._tokens = tokens
        self._pulse = pulse
        self._welcome = welcome

    async def go(self, request: web.Request) -> web.StreamResponse:
        endpoint = self._endpoint
        actor = self._tokens.actor(request.headers.get("Authorization"), request.remote or "")
        self._welcome(request.protocol)
        check_role(actor, endpoint.role)
        given = await self._given(request)
        if not self._pulse.is_felt():
            return failure(503, "PostgreSQL is away, or its schema is not ready yet")
        acting.set(actor)
        if endpoint.data is None:
            response: web.StreamResponse = await endpoint.answer(**given)
            return response
        async with self._pulse.patience():
            answer = await endpoint.answer(**given)
        return success(endpoint.data.dump_json(answer, by_alias=True))

    async def _given(self, request: web.Request) -> dict[str, Any]:
        """What the endpoint takes, checked. Raise BadInput."""
        models = self._endpoint.models
        given: dict[str, Any] = {"request": request} if self._endpoint.takes_request else {}
        if "path" in models:
            given["path"] = _fit(models["path"], request.match_info)
        if "query" in models:
            given["query"] = _fit(models["query"], _flat(request))
        elif request.query:
            raise invalid(next(iter(request.query)), "there is no such parameter")
        if "body" in models:
            given["body"] = await _body(request, models["body"])
        return given


def _fit(model: type[BaseModel], values: Mapping[str, str]) -> BaseModel:
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        raise bad_input(error) from None


def _flat(request: web.Request) -> dict[str, str]:
    """The query, in which nothing stands twice; what is empty is not asked for."""
    for name in request.query:
        if len(request.query.getall(name)) > 1:
            raise invalid(name, "is given more than once")
    return {name: value for name, value in request.query.items() if value}


async def _body(request: web.Request, model: type[BaseModel]) -> BaseModel:
    text = await _text(request)
    if not text:
        raise invalid("body", "is missing: a JSON object is wanted, {} at the least")
    try:
        orjson.loads(text)
        return model.model_validate_json(text, strict=True)
    except orjson.JSONDecodeError as error:
        raise invalid("body", f"is no JSON: {error.msg}") from None
    except ValidationError as error:
        raise bad_input(error) from None


async def _text(request: web.Request) -> bytes:
    try:
        async with asyncio.timeout(_BODY_WITHIN_S):
            return await request.read()
    except TimeoutError:
        raise web.HTTPRequestTimeout from None
    except web.RequestPayloadError:
        raise invalid("body", "is not what its Content-Encoding or length says") from None
