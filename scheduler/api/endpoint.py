"""How an endpoint is declared: once, and everything else is read from that.

    class Jobs:
        @get("/jobs/{id}")
        async def read(self, path: JobPath) -> JobTold: ...

Its parameters `path`, `query` and `body` are pydantic models that the request has to fit; what it
returns is the `data` of the envelope, or a whole response where it is no JSON; the first line of its
docstring is its summary.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar, get_type_hints

from aiohttp import web
from pydantic import BaseModel, TypeAdapter

Function = TypeVar("Function", bound=Callable[..., Awaitable[Any]])


class Role(StrEnum):
    """What a token allows; each allows what those before it do."""

    VIEWER = "viewer"
    """To read."""
    OPERATOR = "operator"
    """To create, change, control and run jobs."""
    ADMIN = "admin"
    """To import jobs, to set up channels of alarms, and to read who changed what."""

    def allows(self, needed: Role) -> bool:
        roles = list(Role)
        return roles.index(self) >= roles.index(needed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A method and a path, what they take, and what they answer."""

    method: str
    path: str
    """Under /api/scheduler, with names in braces."""
    role: Role
    answer: Callable[..., Awaitable[Any]]
    models: dict[str, type[BaseModel]]
    """What has to fit: by `path`, `query`, `body`."""
    takes_request: bool
    data: TypeAdapter[Any] | None
    """What the answer's `data` is; None: the answer is a response of its own."""
    media_type: str = "application/json"
    asked_only: str = ""
    """What it means that something was asked for and not seen (202); empty: that is no answer."""

    @property
    def name(self) -> str:
        return self.answer.__qualname__.replace(".", "_").lower()

    @property
    def tag(self) -> str:
        return type(getattr(self.answer, "__self__", None)).__name__

    @property
    def summary(self) -> str:
        return (inspect.getdoc(self.answer) or "").partition("\n")[0].rstrip(".")

    @property
    def description(self) -> str:
        return (inspect.getdoc(self.answer) or "").partition("\n")[2].strip()


@dataclass(frozen=True, slots=True)
class _Declared:
    method: str
    path: str
    role: Role
    media_type: str
    asked_only: str


def _declare(method: str, default_role: Role) -> Callable[..., Callable[[Function], Function]]:
    def decorate(
        path: str,
        *,
        role: Role = default_role,
        media_type: str = "application/json",
        asked_only: str = "",
    ) -> Callable[[Function], Function]:
        def mark(function: Function) -> Function:
            declared = _Declared(method, path, role, media_type, asked_only)
            function.__endpoint__ = declared  # type: ignore[attr-defined]
            return function

        return mark

    return decorate


get = _declare("GET", Role.VIEWER)
post = _declare("POST", Role.OPERATOR)
put = _declare("PUT", Role.OPERATOR)
delete = _declare("DELETE", Role.OPERATOR)


def endpoints_of(group: object) -> Iterator[Endpoint]:
    """The endpoints that the methods of *group* declare, in the order of the source."""
    for name in vars(type(group)):
        method = getattr(group, name)
        declared = getattr(method, "__endpoint__", None)
        if declared is not None:
            yield _read(method, declared)


def _read(method: Callable[..., Awaitable[Any]], declared: _Declared) -> Endpoint:
    hints = get_type_hints(method)
    returned = hints.pop("return")
    takes_request = hints.pop("request", None) is not None
    has_data = not (isinstance(returned, type) and issubclass(returned, web.StreamResponse))
    return Endpoint(
        method=declared.method,
        path=declared.path,
        role=declared.role,
        answer=method,
        models=hints,
        takes_request=takes_request,
        data=TypeAdapter(returned) if has_data else None,
        media_type=declared.media_type,
        asked_only=declared.asked_only,
    )
