"""Waiting for something to become true, with a limit."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable


async def until(condition: Callable[[], bool], *, seconds: float) -> bool:
    """Looks every millisecond; False when *seconds* went by in vain."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= deadline:
            return False
        await asyncio.sleep(0.001)
    return True
