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


class Hooks:
    """Those of a worker's handlers; *run* has them called where the handlers run."""

    def __init__(
        self,
        handlers: Iterable[Handler],
        run: Callable[[Coroutine[Any, Any, None]], Awaitable[None]],
    ) -> None:
        self._handlers = list(handlers)
        self._run = run
        self._left: list[Handler] = []
        """Whose init has passed, and whose destroy is still to be called."""

    async def init(self) -> None:
        """Call each handler's init; raises StartRefused, naming the one that failed."""
        await self._run(self._init())

    async def destroy(self, limit_s: float) -> None:
        """Call the destroy of each handler whose init has passed, and wait for that *limit_s*.

        One that fails is logged and keeps no other from it; one that does not return in time, or
        before this is cancelled, is left behind.
        """
        if not self._left:
            return
        destroying = asyncio.ensure_future(self._run(self._destroy()))
        try:
            await asyncio.wait({destroying}, timeout=limit_s)
        finally:
            destroying.cancel()
            if self._left:
                _log.warning("handler_destroy_left_behind", handler=self._left[0].name)

    async def _init(self) -> None:
        for handler in self._handlers:
            try:
                await _call(handler.init)
            except _FAILED as error:
                reason = f"{type(error).__qualname__}: {error}"
                raise StartRefused(f"init of handler [{handler.name}] failed: {reason}") from error
            if handler.destroy:
                self._left.append(handler)

    async def _destroy(self) -> None:
        while self._left:
            try:
                await _call(self._left[0].destroy)
            except _FAILED:
                _log.exception("handler_destroy_failed", handler=self._left[0].name)
            del self._left[0]


async def _call(hook: Callable[[], object] | None) -> None:
    outcome = hook() if hook else None
    if inspect.isawaitable(outcome):
        await outcome
