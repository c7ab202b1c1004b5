"""What time it is: the one place that asks the machine."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Wall-clock time; a test hands in one it can turn."""

    def now_ms(self) -> int:
        """Milliseconds since the epoch."""
        ...


class SystemClock:
    """The machine's clock."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000


def moment(epoch_ms: int) -> datetime:
    """The aware UTC datetime of *epoch_ms*."""
    return datetime.fromtimestamp(epoch_ms / 1000, UTC)
