"""What a block strategy does with a trigger."""

from __future__ import annotations

import pytest

from executor.block import Decision, decide
from executor.model import BlockStrategy


@pytest.mark.parametrize("strategy", BlockStrategy)
def test_an_idle_job_takes_every_trigger(strategy: BlockStrategy) -> None:
    assert decide(strategy, busy=False) is Decision.ENQUEUE


@pytest.mark.parametrize(
    ("strategy", "decision"),
    [
        (BlockStrategy.SERIAL, Decision.ENQUEUE),
        (BlockStrategy.DISCARD, Decision.DISCARD),
        (BlockStrategy.COVER, Decision.REPLACE),
    ],
)
def test_a_busy_job_does_as_its_strategy_says(strategy: BlockStrategy, decision: Decision) -> None:
    assert decide(strategy, busy=True) is decision
