"""The receiver that is an Admin cluster: results as callbacks, at most 50 a call."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from admin_bridge import AdminCluster, AdminError, CallbackItem, Refused
from executor.clock import Clock
from executor.journal import Journal
from executor.journal_store import OwedCallback
from executor.journal_writer import JournalBroken
from executor.outbox import ReceiverUnavailable
from executor.refusals import Refusals, Verdict

_log = structlog.get_logger(__name__)

_BATCH = 50

_Refused = list[tuple[OwedCallback, str]]


class Callbacks:
    """Calls one cluster back with the results it is owed, oldest first.

    One that it refuses while it takes others waits by itself, and becomes a dead letter when that
    has happened again and again (`executor.refusals`).
    """

    def __init__(self, journal: Journal, cluster: AdminCluster, clock: Clock) -> None:
        self.name = cluster.config.name
        self._journal = journal
        self._cluster = cluster
        self._clock = clock
        self._refusals = Refusals()

    async def deliver(self) -> bool:
        now_ms = self._clock.now_ms()
        try:
            owed = await self._owed(now_ms)
            refused = await self._send(owed, now_ms) if owed else []
        except (AdminError, JournalBroken) as error:
            raise ReceiverUnavailable(str(error)) from error
        await self._judge(refused, now_ms)
        return len(owed) == _BATCH

    async def _owed(self, now_ms: int) -> list[OwedCallback]:
        """The oldest that are to be tried now."""
        limit = _BATCH + len(self._refusals)
        owed = await self._journal.owed_callbacks(self.name, limit)
        if len(owed) < limit:
            self._refusals.keep(one.run_id for one in owed)
        return [one for one in owed if not self._refusals.is_aside(one.run_id, now_ms)][:_BATCH]

    async def _send(self, owed: Sequence[OwedCallback], now_ms: int) -> _Refused:
        """Send *owed*; where the Admin refuses a batch, halve it to find what it refuses."""
        try:
            await self._cluster.callback([_item(one) for one in owed])
        except Refused as refusal:
            if len(owed) == 1:
                return [(owed[0], str(refusal))]
            middle = len(owed) // 2
            first = await self._send(owed[:middle], now_ms)
            return first + await self._send(owed[middle:], now_ms)
        taken = [one.run_id for one in owed]
        await self._journal.taken(taken)
        self._refusals.passed(taken, now_ms)
        return []

    async def _judge(self, refused: _Refused, now_ms: int) -> None:
        waiting = ""
        for one, words in refused:
            facts = {"receiver": self.name, "log_id": one.log_id, "reason": words}
            match self._refusals.refused(one.run_id, now_ms):
                case Verdict.AGAIN:
                    waiting = words
                case Verdict.ASIDE:
                    _log.warning("callback_set_aside", **facts)
                case Verdict.DEAD:
                    await self._journal.refused(one.run_id, words)
                    _log.error("callback_given_up", **facts)
        if waiting:
            raise ReceiverUnavailable(waiting)


def _item(owed: OwedCallback) -> CallbackItem:
    return CallbackItem(
        log_id=owed.log_id,
        triggered_ms=owed.triggered_ms,
        code=owed.state.code,
        message=owed.message,
    )
