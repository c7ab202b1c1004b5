from __future__ import annotations

from dataclasses import dataclass

import pytest

from scheduler.mirror.pace import Pace
from scheduler.mirror.timing import Timing
from tests.integration.mirror_stage import Time


@dataclass(slots=True)
class SlowConsole:
    """Has us wait, and then work for a while on what it said."""

    time: Time
    waited_s: float = 0.0

    async def answer(self, *, waiting_s: float, reading_s: float) -> None:
        self.waited_s += waiting_s
        await self.time.sleep(waiting_s + reading_s)


@pytest.mark.parametrize(
    ("waiting_s", "reading_s", "next_at_s"),
    [(2.0, 0.0, 4.0), (2.0, 1.0, 4.0), (2.0, 3.0, 5.0), (0.0, 0.0, 0.1)],
    ids=["as long", "reading is rest", "no more rest", "the least"],
)
async def test_an_admin_rests_as_long_as_it_had_us_wait(
    waiting_s: float, reading_s: float, next_at_s: float
) -> None:
    time = Time()
    console = SlowConsole(time)
    pace = Pace(console, Timing(time, time.elapsed, time.sleep), per_second=10)  # type: ignore[arg-type]
    await pace.ask(console.answer(waiting_s=waiting_s, reading_s=reading_s))

    await pace.ask(console.answer(waiting_s=0.0, reading_s=0.0))

    assert time.passed_s == pytest.approx(next_at_s, abs=0.01)
    assert (pace.requests, pace.slowest_s) == (2, waiting_s)
