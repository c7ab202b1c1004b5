"""Our one frame around the code of an async handler.

By itself, as it stays uncompiled (ADR 0015): a compiled coroutine has no frame, by which it is told
where a run stands, and loses the cause of what it raises.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from executor.workers.ending import Contained

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from executor.context import JobContext
    from executor.handler import Handler


async def perform(handler: Handler, context: JobContext) -> object:
    """Call the handler; what would end the loop is wrapped."""
    try:
        awaitable: Awaitable[object] = handler.function(*handler.arguments(context))
        return await awaitable
    except (SystemExit, KeyboardInterrupt) as error:
        raise Contained from error
