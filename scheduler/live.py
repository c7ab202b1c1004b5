"""Settings that can be changed while the service runs, and what puts a new value into effect."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from scheduler.log_setup import set_level
from scheduler.settings import Settings


def live_settings() -> Mapping[str, Callable[[Settings], None]]:
    """By dotted key; whatever is not here waits for the next start."""
    return {"logging.level": lambda new: set_level(new.logging.level)}
