"""Everybody to whom the journal owes something: an outbox for each."""

from __future__ import annotations

import asyncio

import structlog

from executor.background import Background, finish
from executor.model import RunState, Trigger
from executor.outbox import Outbox, Receiver

_log = structlog.get_logger(__name__)

_CALLBACK_PACE_S = 0.02
_RECORD_PACE_S = 0.05
_FLUSH_S = 10.0


class Reporting:
    """Wakes the outboxes of whoever must know of a change, and empties them at the end."""

    def __init__(self, background: Background) -> None:
        self._background = background
        self._clusters: dict[str, Outbox] = {}
        self._records: Outbox | None = None

    def call_back(self, receiver: Receiver) -> None:
        """Deliver the results of the cluster of *receiver*'s name to it."""
        self._clusters[receiver.name] = self._open(receiver, pace_s=_CALLBACK_PACE_S)

    def record(self, receiver: Receiver) -> None:
        """Deliver every change of every run to *receiver*."""
        self._records = self._open(receiver, pace_s=_RECORD_PACE_S)

    def changed(self, trigger: Trigger, state: RunState) -> None:
        """A change of a run is on disk."""
        if self._records is not None:
            self._records.wake()
        if state.is_final and (box := self._clusters.get(trigger.cluster)) is not None:
            box.wake()

    def nudge(self, cluster: str) -> None:
        """This cluster answers: try at once what it is owed."""
        self._clusters[cluster].nudge()

    async def flush(self, hurry: asyncio.Event) -> None:
        """Deliver what is owed, as far as receivers are there, and soon once *hurry* is set.

        What is left stays in the journal.
        """
        await finish(self._flush(), hurry)

    async def _flush(self) -> None:
        records = [self._records] if self._records is not None else []
        boxes = [*self._clusters.values(), *records]
        await asyncio.gather(*(box.flush(_FLUSH_S) for box in boxes))

    def _open(self, receiver: Receiver, *, pace_s: float) -> Outbox:
        box = Outbox(receiver, _tell, pace_s=pace_s)
        self._background.watch(box.run())
        return box


def _tell(name: str, reason: str | None) -> None:
    if reason is None:
        _log.info("receiver_back", receiver=name)
    else:
        _log.warning("receiver_away", receiver=name, reason=reason)
