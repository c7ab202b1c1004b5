"""The receiver that is an Admin cluster: results as callbacks, at most 50 a call."""

from __future__ import annotations

from collections.abc import Sequence

from admin_bridge import AdminCluster, AdminError, CallbackItem, Refused
from executor.clock import Clock
from executor.journal import Journal, JournalBroken
from executor.journal_store import OwedCallback
from executor.outbox import ReceiverUnavailable

_BATCH = 50
GIVE_UP_MS = 24 * 3600 * 1000
"""A result that an Admin has refused by itself for this long is a dead letter."""

_Refusals = list[tuple[OwedCallback, str]]


class Callbacks:
    """Calls one cluster back with the results it is owed."""

    def __init__(self, journal: Journal, cluster: AdminCluster, clock: Clock) -> None:
        self.name = cluster.config.name
        self._journal = journal
        self._cluster = cluster
        self._clock = clock

    async def deliver(self) -> bool:
        try:
            owed = await self._journal.owed_callbacks(self.name, _BATCH)
            if not owed:
                return False
            refusals = await self._send(owed)
        except (AdminError, JournalBroken) as error:
            raise ReceiverUnavailable(str(error)) from error
        await self._bury(refusals, others_pass=len(refusals) < len(owed))
        return len(owed) == _BATCH

    async def _send(self, owed: Sequence[OwedCallback]) -> _Refusals:
        """Send *owed*; where the Admin refuses a batch, halve it to find what it refuses."""
        try:
            await self._cluster.callback([_item(one) for one in owed])
        except Refused as refusal:
            if len(owed) == 1:
                return [(owed[0], str(refusal))]
            middle = len(owed) // 2
            return await self._send(owed[:middle]) + await self._send(owed[middle:])
        await self._journal.taken([one.run_id for one in owed])
        return []

    async def _bury(self, refusals: _Refusals, *, others_pass: bool) -> None:
        """Make dead letters of what is itself at fault; else the Admin may be, and it waits."""
        dead_before = self._clock.now_ms() - GIVE_UP_MS
        waiting = ""
        for one, words in refusals:
            if others_pass or one.ended_ms < dead_before:
                await self._journal.refused(one.run_id, words)
            else:
                waiting = words
        if waiting:
            raise ReceiverUnavailable(waiting)


def _item(owed: OwedCallback) -> CallbackItem:
    return CallbackItem(
        log_id=owed.log_id,
        triggered_ms=owed.triggered_ms,
        code=owed.state.code,
        message=owed.message,
    )
