"""The init and destroy functions of handlers, called when their worker opens and closes."""

from __future__ import annotations

import inspect
import logging
from typing import TYPE_CHECKING

from executor.errors import StartRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from executor.handler import Handler

logger = logging.getLogger(__name__)


async def init_all(handlers: Iterable[Handler]) -> None:
    """Call each handler's init; raises StartRefused, naming the one that failed."""
    for handler in handlers:
        try:
            await _call(handler.init)
        except Exception as error:
            reason = f"{type(error).__qualname__}: {error}"
            raise StartRefused(f"init of handler [{handler.name}] failed: {reason}") from error


async def destroy_all(handlers: Iterable[Handler]) -> None:
    """Call each handler's destroy; one that fails is logged and keeps no other from it."""
    for handler in handlers:
        try:
            await _call(handler.destroy)
        except Exception:
            logger.exception("handler_destroy_failed", extra={"handler": handler.name})


async def _call(hook: Callable[[], object] | None) -> None:
    outcome = hook() if hook else None
    if inspect.isawaitable(outcome):
        await outcome
