from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from scheduler.together import Together


class Oracle:
    """Doubles numbers when it is let; keeps which it was asked together."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.open = asyncio.Event()

    async def answer_all(self, numbers: Sequence[int]) -> list[int]:
        self.batches.append(list(numbers))
        await self.open.wait()
        if 0 in numbers:
            raise ValueError("nothing to double")
        return [2 * number for number in numbers]


async def test_what_is_asked_while_a_question_is_under_way_is_put_together_next() -> None:
    oracle = Oracle()
    together = Together(oracle.answer_all)
    asked = [asyncio.create_task(together.ask(1))]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    asked += [asyncio.create_task(together.ask(number)) for number in (2, 3, 2)]
    await asyncio.sleep(0)
    oracle.open.set()

    assert await asyncio.gather(*asked) == [2, 4, 6, 4]
    assert oracle.batches == [[1], [2, 3, 2]]


async def test_no_more_are_put_together_than_allowed() -> None:
    oracle = Oracle()
    oracle.open.set()
    together = Together(oracle.answer_all, most=2)

    answers = await asyncio.gather(*(together.ask(number) for number in range(1, 6)))

    assert answers == [2, 4, 6, 8, 10]
    assert [len(batch) for batch in oracle.batches] == [2, 2, 1]


async def test_a_failure_is_raised_to_all_who_asked_together_and_to_nobody_later() -> None:
    oracle = Oracle()
    oracle.open.set()
    together = Together(oracle.answer_all)

    failed = await asyncio.gather(together.ask(0), together.ask(1), return_exceptions=True)

    assert [str(error) for error in failed] == ["nothing to double"] * 2
    assert await together.ask(1) == 2


async def test_who_hangs_up_is_not_asked_for_and_takes_nobody_along() -> None:
    oracle = Oracle()
    together = Together(oracle.answer_all)
    asked = [asyncio.create_task(together.ask(number)) for number in (1, 2)]
    while not oracle.batches:  # noqa: ASYNC110
        await asyncio.sleep(0)
    asked += [asyncio.create_task(together.ask(number)) for number in (3, 4)]
    await asyncio.sleep(0)
    asked[0].cancel()
    asked[2].cancel()
    oracle.open.set()

    assert [await asked[1], await asked[3]] == [4, 8]
    assert oracle.batches == [[1, 2], [4]]
    with pytest.raises(asyncio.CancelledError):
        await asked[0]
