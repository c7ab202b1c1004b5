"""What time it is: the one place that asks the machine."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Tells time; a test hands in one it can turn."""

    def now_ms(self) -> int:
        """Milliseconds since the beginning of this clock."""
        ...


class SystemClock:
    """The machine's clock."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000


class SteadyClock:
    """For how long things take: it goes on as it does though the machine's clock is set."""

    def now_ms(self) -> int:
        return time.monotonic_ns() // 1_000_000


def moment(epoch_ms: int) -> datetime:
    """The aware UTC datetime of *epoch_ms*."""
    return datetime.fromtimestamp(epoch_ms / 1000, UTC)
