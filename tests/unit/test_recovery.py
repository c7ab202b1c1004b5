"""What becomes of the runs that a dead service has left behind."""

from __future__ import annotations

import pytest

from executor.model import RunState
from executor.recovery import INTERRUPTED, MOST_RESTARTS, verdict
from tests.reports import a_report

NOT_COVERED = {"is_covered": False}


@pytest.mark.parametrize("idempotent", [True, False])
def test_what_waited_runs_unless_it_shall_not(idempotent: bool) -> None:
    waiting = a_report(RunState.QUEUED)

    assert verdict(waiting, idempotent=idempotent, run_waiting=True, **NOT_COVERED) is None
    end = verdict(waiting, idempotent=idempotent, run_waiting=False, **NOT_COVERED)
    assert end is not None
    assert end[0] is RunState.INTERRUPTED
    assert "died before this could run" in end[1]


@pytest.mark.parametrize("run_waiting", [True, False])
def test_what_ran_was_interrupted(run_waiting: bool) -> None:
    running = a_report(RunState.RUNNING)
    end = verdict(running, idempotent=False, run_waiting=run_waiting, **NOT_COVERED)

    assert end == (RunState.INTERRUPTED, INTERRUPTED)


@pytest.mark.parametrize("restarts", range(MOST_RESTARTS + 3))
def test_what_may_run_again_does_so_a_few_times(restarts: int) -> None:
    running = a_report(RunState.RUNNING, restarts=restarts)
    end = verdict(running, idempotent=True, run_waiting=True, **NOT_COVERED)

    assert (end is None) is (restarts < MOST_RESTARTS)
    assert end is None or "died 4 times while this was running" in end[1]


def test_what_was_killed_stays_killed() -> None:
    running = a_report(
        RunState.RUNNING, stopping="scheduling center kill job. [job running, killed]"
    )
    end = verdict(running, idempotent=True, run_waiting=True, **NOT_COVERED)

    assert end == (RunState.KILLED, "scheduling center kill job. [job running, killed]")


@pytest.mark.parametrize(
    ("state", "place"),
    [
        (RunState.RUNNING, "[job running, killed]"),
        (RunState.QUEUED, "[job not executed, in the job queue, killed.]"),
    ],
)
def test_what_was_covered_stays_covered(state: RunState, place: str) -> None:
    end = verdict(a_report(state), idempotent=True, run_waiting=True, is_covered=True)

    assert end == (RunState.KILLED, f"block strategy effect：Cover Early {place}")
