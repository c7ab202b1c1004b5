"""The init and destroy functions of handlers, called when their worker opens and closes."""

from __future__ import annotations

import asyncio
import inspect
from typing import TYPE_CHECKING, Any

import structlog

from executor.errors import StartRefused

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Iterable

    from executor.handler import Handler

_log = structlog.get_logger(__name__)

_FAILED = (Exception, SystemExit, KeyboardInterrupt)
"""What a hook may raise: none of it ends the service."""


async def init_all(handlers: Iterable[Handler]) -> None:
    """Call each handler's init; raises StartRefused, naming the one that failed."""
    for handler in handlers:
        try:
            await _call(handler.init)
        except _FAILED as error:
            reason = f"{type(error).__qualname__}: {error}"
            raise StartRefused(f"init of handler [{handler.name}] failed: {reason}") from error


async def destroy_all(
    handlers: Iterable[Handler],
    run: Callable[[Coroutine[Any, Any, None]], Awaitable[None]],
    *,
    limit_s: float,
) -> None:
    """Have *run* call each handler's destroy, and wait for that no longer than *limit_s*.

    One that fails is logged and keeps no other from it; one that does not return is left behind.
    """
    left = list(handlers)
    destroying = asyncio.ensure_future(run(_destroy(left)))
    await asyncio.wait({destroying}, timeout=limit_s)
    destroying.cancel()
    if left:
        _log.warning("handler_destroy_left_behind", handler=left[0].name)


async def _destroy(left: list[Handler]) -> None:
    """Call the destroy of each, and take it off the list."""
    while left:
        try:
            await _call(left[0].destroy)
        except _FAILED:
            _log.exception("handler_destroy_failed", handler=left[0].name)
        del left[0]


async def _call(hook: Callable[[], object] | None) -> None:
    outcome = hook() if hook else None
    if inspect.isawaitable(outcome):
        await outcome
