"""Handlers: functions that may be run by name, and how their authors declare them."""

from __future__ import annotations

import inspect
import sys
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, TypeVar, get_type_hints

from pydantic import BaseModel

from executor.model import Isolation
from executor.params import parse

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from executor.context import JobContext

Function = TypeVar("Function", bound="Callable[..., Any]")

_MAX_ARGUMENTS = 2


class KeepLog(StrEnum):
    """Which of a handler's run logs are kept when the run has ended."""

    ALWAYS = "always"
    ERRORS = "errors"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """When a handler's author would have it run: `jobs apply --handlers` makes a job of it."""

    cron: str = ""
    every_seconds: int = 0
    timezone: str = ""
    """IANA zone of the cron; empty: the service's, or the Admin's."""
    job_name: str = ""
    """Empty: the handler's."""
    params: str = ""

    def __post_init__(self) -> None:
        if bool(self.cron) == bool(self.every_seconds):
            raise TypeError("a schedule says either cron or every_seconds")


@dataclass(frozen=True, slots=True, kw_only=True)
class Handler:
    """A function and how it is to be run."""

    name: str
    function: Callable[..., Any]
    isolation: Isolation
    idempotent: bool
    """May be begun again when the service died in the middle."""
    keep_log: KeepLog
    takes_context: bool
    params_type: type[str | BaseModel] | None
    """None: it takes none."""
    init: Callable[[], object] | None
    """Called once before the first run: at the service's start, or in each run's process."""
    destroy: Callable[[], object] | None
    schedule: Schedule | None = None
    """A suggestion: what runs when is said by jobs."""

    @property
    def place(self) -> str:
        """Where the function is written, as `module.function (file.py:12)`."""
        code = self.function.__code__
        where = f"{Path(code.co_filename).name}:{code.co_firstlineno}"
        return f"{self.function.__module__}.{self.function.__qualname__} ({where})"

    @property
    def doc(self) -> str:
        return inspect.getdoc(self.function) or ""

    def params_schema(self) -> dict[str, Any] | None:
        """The JSON schema of the params; None when it takes none."""
        if self.params_type is None:
            return None
        if issubclass(self.params_type, BaseModel):
            return self.params_type.model_json_schema()
        return {"type": "string"}

    def arguments(self, context: JobContext) -> tuple[object, ...]:
        """What the function is called with; raises BadParams."""
        if self.params_type is None:
            return (context,) if self.takes_context else ()
        if issubclass(self.params_type, BaseModel):
            return context, parse(context.params, self.params_type)
        return context, context.params


declared: list[Handler] = []
"""Every handler declared in this process, in the order of the source."""


def job_handler(
    name: str,
    *,
    isolation: Isolation | str | None = None,
    idempotent: bool = False,
    keep_log: KeepLog | str = KeepLog.ALWAYS,
    init: Callable[[], object] | None = None,
    destroy: Callable[[], object] | None = None,
    schedule: Schedule | None = None,
) -> Callable[[Function], Function]:
    """Declare the function below as the handler *name*; it stays an ordinary function.

    *isolation*: `async` (the default of `async def`), `thread` (of `def`), or `process`, the only
    one that can always be killed. *init* and *destroy* are called before the first and after the
    last run; for `process` around each. *schedule* is a suggestion for `jobs apply --handlers`.
    Raises TypeError for what cannot be run as asked.
    """
    names = sys._getframe(1).f_locals  # models may be declared beside a local function

    def declare(function: Function) -> Function:
        handler = Handler(
            name=_checked_name(name),
            function=function,
            isolation=_checked_isolation(name, isolation, function),
            idempotent=idempotent,
            keep_log=_member(KeepLog, keep_log, f"handler [{name}]: keep_log"),
            init=init,
            destroy=destroy,
            schedule=schedule,
            **_signature(name, function, names),
        )
        return _declare(handler, function)

    return declare


def _declare(handler: Handler, function: Function) -> Function:
    _check_hooks(handler)
    declared.append(handler)
    function.__job_handler__ = handler  # type: ignore[attr-defined]
    return function


def handler_of(function: object) -> Handler | None:
    """The handler that *function* was declared as."""
    found = getattr(function, "__job_handler__", None)
    return found if isinstance(found, Handler) else None


def _checked_name(name: str) -> str:
    if not name or name != name.strip():
        raise TypeError(f"handler [{name}]: a name has no blanks around it and is not empty")
    return name


Member = TypeVar("Member", bound=StrEnum)


def _member(kind: type[Member], value: str, subject: str) -> Member:
    try:
        return kind(value)
    except ValueError:
        allowed = ", ".join(member.value for member in kind)
        raise TypeError(f"{subject} is {value!r}, choose one of: {allowed}") from None


def _checked_isolation(
    name: str, asked: Isolation | str | None, function: Callable[..., Any]
) -> Isolation:
    subject = f"handler [{name}]"
    if not inspect.isfunction(function):
        raise TypeError(f"{subject}: only a function can be a handler, not {function!r}")
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise TypeError(f"{subject}: it yields; a handler returns its result")
    is_async = inspect.iscoroutinefunction(function)
    if asked is None:
        return Isolation.ASYNC if is_async else Isolation.THREAD
    isolation = _member(Isolation, asked, f"{subject}: isolation")
    match isolation, is_async:
        case Isolation.SCRIPT, _:
            raise TypeError(f"{subject}: isolation 'script' is for scripts, not for functions")
        case Isolation.THREAD, True:
            raise TypeError(
                f"{subject}: an async def cannot run in a thread; write def, or leave the"
                " isolation away, or use 'process'"
            )
        case Isolation.ASYNC, False:
            raise TypeError(
                f"{subject}: a plain def would block the event loop; write async def, or use"
                " isolation 'thread' or 'process'"
            )
    return isolation


def _signature(name: str, function: Callable[..., Any], names: Mapping[str, Any]) -> dict[str, Any]:
    parameters = list(inspect.signature(function).parameters.values())
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    if len(parameters) > _MAX_ARGUMENTS or any(p.kind not in positional for p in parameters):
        raise TypeError(f"handler [{name}]: it takes (), (ctx) or (ctx, params), nothing else")
    params_type = None
    if len(parameters) == _MAX_ARGUMENTS:
        params_type = _params_type(name, function, parameters[1].annotation, names)
    return {"takes_context": bool(parameters), "params_type": params_type}


def _params_type(
    name: str, function: Callable[..., Any], annotation: object, names: Mapping[str, Any]
) -> type[str | BaseModel]:
    found: object = None
    if annotation is not inspect.Parameter.empty:
        # Only this annotation is looked up: the others may be imported for type checkers alone.
        wanted = SimpleNamespace(__annotations__={"params": annotation})
        try:
            found = get_type_hints(wanted, function.__globals__, dict(names))["params"]
        except NameError as error:
            raise TypeError(f"handler [{name}]: the type of its params: {error}") from None
    if isinstance(found, type) and issubclass(found, str | BaseModel):
        return found
    raise TypeError(
        f"handler [{name}]: annotate its params as str or as a pydantic model, not {found!r}"
    )


def _check_hooks(handler: Handler) -> None:
    if handler.isolation is Isolation.ASYNC:
        return
    if any(inspect.iscoroutinefunction(hook) for hook in (handler.init, handler.destroy)):
        raise TypeError(
            f"handler [{handler.name}]: async init and destroy are for isolation 'async'"
        )
