"""Delivers what the journal owes to one receiver: oldest first, for as long as it takes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from tenacity import RetryCallState, Retrying
from tenacity.wait import wait_exponential, wait_random

from executor.background import wait_for

_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 5.0
LOOK_AGAIN_S = 30.0
"""What is owed anew by others than this process (`logs dead --retry`), or is to be tried again."""
_JITTER_S = 0.5
"""So that executors do not come back to a restarted Admin in step."""


class ReceiverUnavailable(Exception):
    """Nothing was delivered, or only a part; later it may work. The message is for operators."""


class Receiver(Protocol):
    """Somebody to whom the journal owes something."""

    name: str

    async def deliver(self) -> bool:
        """Deliver the oldest of what is owed, and tell the journal; True: there may be more.

        Raises:
            ReceiverUnavailable: to be tried again.
        """
        ...


class Outbox:
    """Delivers while there is something, and waits while its receiver is away.

    *on_change* is told the receiver's name and what is wrong, or None when it works again, and
    only when that changes. The first report goes at once; while they keep coming, one delivery
    begins at most every *pace_s*, so that each carries many. Without news it looks after *look_s*.
    """

    def __init__(
        self,
        receiver: Receiver,
        on_change: Callable[[str, str | None], None],
        *,
        pace_s: float,
        look_s: float = LOOK_AGAIN_S,
    ) -> None:
        self._receiver = receiver
        self._on_change = on_change
        self._pace_s = pace_s
        self._look_s = look_s
        self._began = 0.0
        self._news = asyncio.Event()
        self._news.set()  # a former life may have left something
        self._nudged = asyncio.Event()
        self._failures = 0
        self._idle = asyncio.Event()

    def wake(self) -> None:
        """Something new is owed."""
        self._news.set()

    def nudge(self) -> None:
        """The receiver seems to be back: try at once."""
        self._nudged.set()

    async def run(self) -> None:
        """Deliver until cancelled."""
        while True:
            if not self._news.is_set():
                self._idle.set()
                await wait_for(self._news, self._look_s)
            self._idle.clear()
            await self._keep_pace()
            self._news.clear()
            while await self._deliver():
                pass

    async def flush(self, limit_s: float) -> bool:
        """Wait until nothing is owed any more; False: it took longer than *limit_s*."""
        self._idle.clear()
        self.wake()
        self.nudge()
        await wait_for(self._idle, limit_s)
        return self._idle.is_set()

    async def _deliver(self) -> bool:
        try:
            more = await self._receiver.deliver()
        except ReceiverUnavailable as reason:
            await self._pause(str(reason))
            return True
        if self._failures:
            self._failures = 0
            self._on_change(self._receiver.name, None)
        return more

    async def _keep_pace(self) -> None:
        loop = asyncio.get_running_loop()
        early = self._began + self._pace_s - loop.time()
        if early > 0:
            await asyncio.sleep(early)
        self._began = loop.time()

    async def _pause(self, reason: str) -> None:
        self._failures += 1
        if self._failures == 1:
            self._on_change(self._receiver.name, reason)
        self._nudged.clear()
        await wait_for(self._nudged, pause_s(self._failures))


_wait = wait_exponential(_FIRST_PAUSE_S, _LONGEST_PAUSE_S - _JITTER_S) + wait_random(0, _JITTER_S)


def pause_s(failures: int) -> float:
    """Seconds to wait after *failures* deliveries in a row have failed."""
    state = RetryCallState(Retrying(), None, (), {})
    state.attempt_number = failures
    return _wait(state)
