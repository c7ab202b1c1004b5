"""An outbox delivers as long as there is something, and waits while its receiver is away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from executor.outbox import LOOK_AGAIN_S, Outbox, ReceiverUnavailable, pause_s

LIMIT_S = 60.0


class Box:
    """A receiver with items to deliver, some a call; it may be away."""

    name = "box"

    def __init__(self, *, a_call: int = 2) -> None:
        self.owed: list[int] = []
        self.delivered: list[int] = []
        self.calls = 0
        self.away = ""
        self._a_call = a_call
        self.asked = asyncio.Event()

    async def deliver(self) -> bool:
        self.calls += 1
        self.asked.set()
        if self.away:
            raise ReceiverUnavailable(self.away)
        some, self.owed = self.owed[: self._a_call], self.owed[self._a_call :]
        self.delivered += some
        return len(some) == self._a_call


@asynccontextmanager
async def running(
    box: Box, told: list[str | None], pace_s: float = 0, look_s: float = LOOK_AGAIN_S
) -> AsyncIterator[Outbox]:
    outbox = Outbox(box, lambda _, reason: told.append(reason), pace_s=pace_s, look_s=look_s)
    task = asyncio.create_task(outbox.run())
    try:
        yield outbox
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_what_a_former_life_has_left_is_delivered_at_once_and_in_order() -> None:
    box = Box()
    box.owed = list(range(7))
    async with running(box, []) as outbox:
        assert await outbox.flush(LIMIT_S)

    assert box.delivered == list(range(7))


async def test_news_are_delivered_as_they_come() -> None:
    box = Box()
    async with running(box, []) as outbox:
        for n in range(3):
            assert await outbox.flush(LIMIT_S)
            box.owed.append(n)
            outbox.wake()
        assert await outbox.flush(LIMIT_S)

    assert box.delivered == [0, 1, 2]


async def test_nothing_is_asked_while_there_are_no_news() -> None:
    box = Box()
    async with running(box, []) as outbox:
        assert await outbox.flush(LIMIT_S)
        calls = box.calls
        await asyncio.sleep(0.05)
        assert box.calls == calls


async def test_what_is_owed_without_news_is_delivered_at_the_next_look() -> None:
    box = Box()
    async with running(box, [], look_s=0.01) as outbox:
        assert await outbox.flush(LIMIT_S)
        box.owed = [1]
        box.asked.clear()
        await asyncio.wait_for(box.asked.wait(), LIMIT_S)

    assert box.delivered == [1]


async def test_a_receiver_that_is_away_is_told_once_and_its_return_too() -> None:
    box, told = Box(), list[str | None]()
    box.away = "closed"
    box.owed = [1, 2, 3]
    async with running(box, told) as outbox:
        for _ in range(3):
            assert not await outbox.flush(0.02)
        assert told == ["closed"]
        box.away = ""
        outbox.nudge()
        assert await outbox.flush(LIMIT_S)

    assert told == ["closed", None]
    assert box.delivered == [1, 2, 3]


async def test_news_do_not_hurry_a_receiver_that_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("executor.outbox.pause_s", lambda _: 3600)
    box = Box()
    box.away = "closed"
    async with running(box, []) as outbox:
        await box.asked.wait()
        assert not await outbox.flush(0.02)
        calls = box.calls
        for _ in range(10):
            outbox.wake()
            await asyncio.sleep(0)
        assert box.calls == calls


async def test_deliveries_keep_their_pace_so_that_each_carries_many() -> None:
    box = Box(a_call=50)
    async with running(box, [], pace_s=0.05) as outbox:
        assert await outbox.flush(LIMIT_S)
        calls = box.calls
        for n in range(20):
            box.owed.append(n)
            outbox.wake()
            await asyncio.sleep(0)
        assert await outbox.flush(LIMIT_S)

    assert box.delivered == list(range(20))
    assert box.calls - calls <= 3


@pytest.mark.parametrize(
    ("failures", "least", "most"),
    [(1, 0.5, 1.0), (2, 1.0, 1.5), (3, 2.0, 2.5), (5, 4.5, 5.0), (100_000, 4.5, 5.0)],
)
def test_pauses_grow_to_a_limit_and_are_never_the_same(
    failures: int, least: float, most: float
) -> None:
    pauses = {pause_s(failures) for _ in range(50)}

    assert len(pauses) > 40
    assert all(least <= pause <= most for pause in pauses)
