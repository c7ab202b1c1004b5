"""Every mistake as the envelope that names it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import asyncpg
import sqlalchemy.exc
from aiohttp import web
from pydantic import ValidationError
from pydantic.alias_generators import to_camel

from admin_bridge.console import ConsoleError, Unsupported
from executor.errors import TriggerRejected
from executor.plain_words import in_plain_words
from scheduler.api.envelope import failure
from scheduler.database import is_mistaken, said
from scheduler.engine.link import DatabaseAway
from scheduler.peers import PeerAway
from scheduler.refusal import Invalid, NotFound, NotHere, Refused
from scheduler.xxl.runs import Unseen

_NAMES = {"name": "jobName", "group": "jobGroup", "handler": "handlerName"}
"""Fields that the API calls otherwise than in camelCase."""
_NAMED = 5
"""How many wrong fields one message names; `errors` has them all."""


class Unauthorized(Exception):
    """Who asks is not known."""


class Forbidden(Exception):
    """Who asks is known, and may not."""


class TooMany(Exception):
    """Too many wrong tokens came from there; *wait_s* until more are listened to."""

    def __init__(self, wait_s: int) -> None:
        super().__init__(f"too many wrong tokens from this address: wait {wait_s} s")
        self.wait_s = wait_s


class Busy(Exception):
    """As much of this is done already as may be done at once."""


class BadInput(Exception):
    """The request does not fit; each of *errors* names a field and a rule."""

    def __init__(self, errors: Sequence[dict[str, str]]) -> None:
        sentences = [f"{error['field']}: {error['message']}" for error in errors[:_NAMED]]
        super().__init__("; ".join(sentences))
        self.errors = errors


def bad_input(error: ValidationError) -> BadInput:
    """What pydantic found, without what was sent."""
    return BadInput(
        [
            {
                "field": ".".join(str(part) for part in found["loc"]) or "body",
                "rule": found["type"],
                "message": in_plain_words(found["msg"]),
            }
            for found in error.errors(include_input=False, include_url=False, include_context=False)
        ]
    )


def named(field: str) -> str:
    """What the API calls *field*."""
    return _NAMES.get(field, to_camel(field))


def invalid(field: str, message: str) -> BadInput:
    return BadInput([{"field": field, "rule": "invalid", "message": message}])


_STATUS: Mapping[type[Exception], int] = {
    BadInput: 422,
    Unauthorized: 401,
    Forbidden: 403,
    TooMany: 429,
    Busy: 503,
    NotFound: 404,
    NotHere: 503,
    Refused: 409,
    TriggerRejected: 409,
    Unseen: 202,
    Unsupported: 409,
    ConsoleError: 502,
    PeerAway: 502,
}
_SOON = {"Retry-After": "1"}


def answer_to(error: Exception) -> web.Response | None:
    """The answer to a request that *error* ended; None: it is a bug of ours."""
    if isinstance(error, web.HTTPException):
        return _of_http(error)
    if isinstance(error, Invalid):
        field, dot, inner = error.field.partition(".")
        name = error.place + named(field) + dot + inner
        return answer_to(invalid(name, str(error)))
    for kind, status in _STATUS.items():
        if isinstance(error, kind):
            return failure(status, str(error), _data_of(error), headers=_headers_of(error))
    if is_away(error):
        return failure(503, f"PostgreSQL is away: {said(error)[:200]}", headers=_SOON)
    return None


def _data_of(error: Exception) -> object:
    return {"errors": error.errors} if isinstance(error, BadInput) else None


def _headers_of(error: Exception) -> dict[str, str]:
    match error:
        case Unauthorized():
            return {"WWW-Authenticate": "Bearer"}
        case TooMany():
            return {"Retry-After": str(error.wait_s)}
        case NotHere() | Busy():
            return _SOON
        case _:
            return {}


def _of_http(error: web.HTTPException) -> web.Response:
    headers = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else None
    message = "the body is too large" if error.status == 413 else error.reason.lower()
    return failure(error.status, message, headers=headers)


_AWAY = (
    OSError,
    DatabaseAway,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,  # it stops, begins, or somebody has cancelled
    asyncpg.InsufficientResourcesError,  # disk, memory, connections
    asyncpg.PostgresSystemError,
    asyncpg.ReadOnlySQLTransactionError,  # a standby: nobody has been promoted yet
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.LockNotAvailableError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InvalidAuthorizationSpecificationError,
    sqlalchemy.exc.TimeoutError,
)


def is_away(error: BaseException | None) -> bool:
    """Whether *error*, or what caused it, says that PostgreSQL cannot do it now, and may later."""
    while error is not None:
        if isinstance(error, _AWAY) and not is_mistaken(error):
            return True
        if isinstance(error, sqlalchemy.exc.DBAPIError) and error.connection_invalidated:
            return True
        error = getattr(error, "orig", None) or error.__cause__
    return False
