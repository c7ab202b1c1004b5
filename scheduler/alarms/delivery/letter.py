"""A message on its way: what it says, to whom it goes, and what sending it can come to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from scheduler.alarms.model import Delivery, Level, RaisedAlarm

MOST_LISTED = 20
"""Alarms that a message lists; it counts the others."""
MOST_TEXT = 2000
"""Characters of a reason or an answer that are kept."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """What a message says, in the forms that its channel takes."""

    subject: str
    """One line."""
    text: str
    html: str = ""
    """Empty: the channel takes none."""
    problem: str = ""
    """Why a built-in template stands in for the one in the folder; empty: it does not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A message as a sender takes it."""

    delivery: Delivery
    alarms: Sequence[RaisedAlarm]
    """The worst first, at most MOST_LISTED."""
    rendered: Rendered
    receivers: Sequence[str] = field(default=())
    """Addresses, numbers or users; empty where the channel has only one place."""

    @property
    def level(self) -> Level:
        """Of the worst alarm."""
        return self.alarms[0].level if self.alarms else Level.INFO


class Sender(Protocol):
    """A way out."""

    async def send(self, letter: Letter) -> str:
        """Send it; what the other side said. Raise SendFailed."""
        ...


class SendFailed(Exception):
    """It was not sent, or nobody knows; *reason* is for people and holds no secret."""

    def __init__(self, reason: str, *, retry: bool) -> None:
        """*retry*: it may work later."""
        super().__init__(reason[:MOST_TEXT])
        self.retry = retry


class Outcome(StrEnum):
    """What an attempt came to, as `schedule_delivery_attempt` has it."""

    SENT = "sent"
    RETRY = "retry"
    FAILED = "failed"
