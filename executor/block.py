"""What a block strategy does with a trigger; pure."""

from __future__ import annotations

from enum import Enum, auto

from executor.model import BlockStrategy


class Decision(Enum):
    """What becomes of a trigger."""

    ENQUEUE = auto()
    DISCARD = auto()
    REPLACE = auto()
    """What runs is killed, what waits is called back, then it is enqueued."""


def decide(strategy: BlockStrategy, *, busy: bool) -> Decision:
    """Say what to do with a trigger whose job is *busy*: running, or with runs waiting."""
    match strategy:
        case BlockStrategy.DISCARD if busy:
            return Decision.DISCARD
        case BlockStrategy.COVER if busy:
            return Decision.REPLACE
        case _:
            return Decision.ENQUEUE
