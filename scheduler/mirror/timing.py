"""What time it is, and how to let it pass: a test hands in its own, and runs a day in a minute."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime

from executor.clock import Clock, SystemClock, moment


@dataclass(frozen=True, slots=True)
class Timing:
    """The time of one mirror."""

    clock: Clock = field(default_factory=SystemClock)
    elapsed: Callable[[], float] = time.monotonic
    """Seconds, of a clock that nobody sets."""
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    def now(self) -> datetime:
        return moment(self.clock.now_ms())
