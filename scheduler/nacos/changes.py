"""What a new overlay changes, and what of that can be done while the service runs. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from scheduler.settings import Settings, flat


@dataclass(frozen=True, slots=True)
class Changes:
    """Dotted keys; never values, which may be secret."""

    applied: tuple[str, ...]
    """Take effect now."""
    restart: tuple[str, ...]
    """Differ from what the service was started with, and wait for its next start."""


def changes(
    started: Settings, current: Settings, new: Settings, *, live: Collection[str]
) -> Changes:
    """What differs in *new* from what is in force; *live* are the keys that can be changed."""
    applied = [key for key in _differing(current, new) if key in live]
    restart = [key for key in _differing(started, new) if key not in live]
    return Changes(tuple(applied), tuple(restart))


def _differing(one: Settings, other: Settings) -> list[str]:
    before, after = dict(flat(one.model_dump())), dict(flat(other.model_dump()))
    return sorted(key for key in before.keys() | after.keys() if before.get(key) != after.get(key))
