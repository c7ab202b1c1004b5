"""What becomes of the runs that a dead service has left behind."""

from __future__ import annotations

import pytest

from executor.model import RunState
from executor.recovery import INTERRUPTED, MOST_RESTARTS, verdict
from tests.reports import a_report


@pytest.mark.parametrize("idempotent", [True, False])
def test_what_waited_runs_unless_it_shall_not(idempotent: bool) -> None:
    waiting = a_report(RunState.QUEUED)

    assert verdict(waiting, idempotent=idempotent, run_waiting=True) is None
    refusal = verdict(waiting, idempotent=idempotent, run_waiting=False)
    assert refusal is not None
    assert "died before this could run" in refusal


@pytest.mark.parametrize("run_waiting", [True, False])
def test_what_ran_was_interrupted(run_waiting: bool) -> None:
    running = a_report(RunState.RUNNING)

    assert verdict(running, idempotent=False, run_waiting=run_waiting) == INTERRUPTED


@pytest.mark.parametrize("restarts", range(MOST_RESTARTS + 3))
def test_what_may_run_again_does_so_a_few_times(restarts: int) -> None:
    running = a_report(RunState.RUNNING, restarts=restarts)
    reason = verdict(running, idempotent=True, run_waiting=True)

    assert (reason is None) is (restarts < MOST_RESTARTS)
    assert reason is None or "died 4 times while this was running" in reason
