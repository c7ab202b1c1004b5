"""How an ending is named: by who asked for it first, in the reference's words."""

from __future__ import annotations

import pytest

from executor.ending import (
    Stop,
    covered,
    killed,
    name_abandoned,
    name_ending,
    shut_down,
    timed_out,
)
from executor.model import RunState
from executor.worker import Ending, EndingKind

ENDINGS = [Ending(kind, "said") for kind in EndingKind]


@pytest.mark.parametrize("ending", ENDINGS)
def test_code_that_nobody_stopped_is_named_by_how_it_ended(ending: Ending) -> None:
    expected = (
        RunState.SUCCEEDED if ending.kind is EndingKind.RETURNED else RunState.FAILED,
        "said",
    )
    assert name_ending(ending, None) == expected


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize(
    ("stop", "state", "code", "message"),
    [
        (killed(), RunState.KILLED, 500, "scheduling center kill job. [job running, killed]"),
        (
            covered(),
            RunState.KILLED,
            500,
            "block strategy effect：Cover Early [job running, killed]",
        ),
        (
            shut_down(),
            RunState.KILLED,
            500,
            "the executor was stopped and killed the job. [job running, killed]",
        ),
        (timed_out(3), RunState.TIMED_OUT, 502, "job execute timeout after 3 s"),
    ],
)
def test_code_that_was_told_to_stop_is_named_by_that_however_it_ended(
    ending: Ending, stop: Stop, state: RunState, code: int, message: str
) -> None:
    assert name_ending(ending, stop) == (state, message)
    assert state.code == code


def test_a_run_that_never_began_says_so() -> None:
    assert killed().message(started=False) == (
        "scheduling center kill job. [job not executed, in the job queue, killed.]"
    )


def test_code_that_will_not_end_is_said_to_be_busy_where_it_is() -> None:
    state, message = name_abandoned(timed_out(3), "file.py:12 in load")

    assert state is RunState.TIMED_OUT
    assert message.startswith("job execute timeout after 3 s")
    assert "still busy in file.py:12 in load" in message
    assert "still busy;" in name_abandoned(killed(), "")[1]


@pytest.mark.parametrize("state", RunState)
def test_only_what_waits_or_runs_is_not_final(state: RunState) -> None:
    assert state.is_final is (state not in (RunState.QUEUED, RunState.RUNNING))
