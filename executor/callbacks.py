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
from executor.refusals import MOST_ASIDE, Refusals, Verdict

_log = structlog.get_logger(__name__)

_BATCH = 50
_FEW = 3
"""Results refused alone that say enough, where nothing is taken."""
_MOST_KNOWN = 2 * MOST_ASIDE
"""How many refused results are read over to find others."""

_Alone = list[tuple[OwedCallback, str]]
"""Results that were refused in calls of their own, each with the Admin's words."""


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
            refused, untried = await self._send(owed, now_ms) if owed else ([], False)
        except (AdminError, JournalBroken) as error:
            raise ReceiverUnavailable(str(error)) from error
        await self._judge(refused, now_ms)
        return untried or len(owed) >= _BATCH

    async def _owed(self, now_ms: int) -> list[OwedCallback]:
        """Those that may be tried now, oldest first: a batch beyond all that was refused."""
        limit = _BATCH + min(len(self._refusals), _MOST_KNOWN)
        owed = await self._journal.owed_callbacks(self.name, limit)
        if len(owed) < limit:
            self._refusals.keep(one.run_id for one in owed)
        if not self._refusals:
            return owed
        return [one for one in owed if not self._refusals.is_aside(one.run_id, now_ms)]

    async def _send(self, owed: Sequence[OwedCallback], now_ms: int) -> tuple[_Alone, bool]:
        """Send a batch of *owed*; what is refused alone, and whether some of it is left untried.

        The oldest go first, in one call: the Admin may be well again. Else never refused ones do,
        then what has waited for longest: a batch that is refused must keep up no others.
        """
        if not self._refusals:
            return await self._halve(owed[:_BATCH], now_ms)
        oldest = owed[:_BATCH]
        batch = sorted(owed, key=lambda one: self._refusals.last_ms(one.run_id))[:_BATCH]
        if batch != oldest and await self._refusal(oldest, now_ms) is None:
            return [], False
        return await self._halve(batch, now_ms)

    async def _halve(self, batch: Sequence[OwedCallback], now_ms: int) -> tuple[_Alone, bool]:
        """Send *batch* in parts, halved to find what is refused.

        What follows is left untried when several were refused and nothing is taken.
        """
        refused: _Alone = []
        parts, taken, most = [batch], False, self._most_in_vain(batch)
        while parts and (taken or len(refused) < most):
            part = parts.pop()
            words = await self._refusal(part, now_ms)
            taken |= words is None
            if words is not None and len(part) == 1:
                refused.append((part[0], words))
            elif words is not None:
                middle = len(part) // 2
                parts += [part[middle:], part[:middle]]
        return refused, bool(parts)

    def _most_in_vain(self, batch: Sequence[OwedCallback]) -> int:
        """How many are tried alone in vain: few, but twice as many each time among new ones."""
        is_new = self._refusals.last_ms(batch[0].run_id) < 0
        return max(_FEW, len(self._refusals)) if is_new else _FEW

    async def _refusal(self, part: Sequence[OwedCallback], now_ms: int) -> str | None:
        """Send *part* in one call; the Admin's words when it refuses, None when it is taken."""
        try:
            await self._cluster.callback([_item(one) for one in part])
        except Refused as refusal:
            return str(refusal)
        taken = [one.run_id for one in part]
        await self._journal.taken(taken)
        self._refusals.passed(taken, now_ms)
        return None

    async def _judge(self, refused: _Alone, now_ms: int) -> None:
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
