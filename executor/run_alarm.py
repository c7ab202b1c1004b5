"""What a handler wants people to know at once: kept in the report of its run; pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

MOST = 20
"""So many alarms of a run are told; more are lines of its log only."""
_LENGTH = 500
_MESSAGE_LENGTH = 4_000
"""What is left of a message that has alarms behind it: receivers cut what is long."""


class Level(StrEnum):
    """How bad it is, from the least."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """From 0, to compare levels by."""
        return _RANKS[self]

    def reaches(self, least: Level) -> bool:
        """Whether it is as bad as *least*, or worse."""
        return self.rank >= least.rank


_RANKS = {level: rank for rank, level in enumerate(Level)}


@dataclass(frozen=True, slots=True)
class RunAlarm:
    """An alarm that a handler has raised."""

    level: Level
    text: str
    """One line."""


def run_alarm(text: object, level: str) -> RunAlarm:
    """Make one of what a handler has said. Raise ValueError for a level that there is not."""
    try:
        known = Level(level)
    except ValueError:
        allowed = ", ".join(one.value for one in Level)
        raise ValueError(f"an alarm's level is {level!r}, choose one of: {allowed}") from None
    return RunAlarm(known, " ".join(_kept(str(text)).split())[:_LENGTH])


def _kept(text: str) -> str:
    """*text* as the record of its run will have it: what is said twice is the same alarm."""
    return text.encode("utf-8", "replace").decode().replace("\x00", "")


def told_with(message: str, alarms: Sequence[RunAlarm]) -> str:
    """The message of a run, with its alarms behind it: what `told_in` finds again."""
    if not alarms:
        return message
    lines = [f"[alarm {alarm.level}] {alarm.text}" for alarm in alarms]
    return "\n".join([message[:_MESSAGE_LENGTH], *lines] if message else lines)


def told_in(message: str) -> list[RunAlarm]:
    """The alarms in the message of a run."""
    return [RunAlarm(Level(level), text) for level, text in _TOLD.findall(message)][:MOST]


_TOLD = re.compile(rf"^\[alarm ({'|'.join(Level)})\] (.*)$", re.MULTILINE)
