"""The name of an ending: from how the code ended and who asked it to stop; pure."""

from __future__ import annotations

from dataclasses import dataclass

from executor.model import RunState
from executor.worker import Ending, EndingKind


@dataclass(frozen=True, slots=True)
class Stop:
    """Why a run was asked to stop; the first reason is the one that counts."""

    state: RunState
    reason: str

    def message(self, *, started: bool) -> str:
        """The reference executor's sentence (`protocol.md` (c), results)."""
        if self.state is RunState.TIMED_OUT:
            return self.reason
        where = "job running, killed" if started else "job not executed, in the job queue, killed."
        return f"{self.reason} [{where}]"


def killed() -> Stop:
    return Stop(RunState.KILLED, "scheduling center kill job.")


def covered() -> Stop:
    return Stop(RunState.KILLED, "block strategy effect：Cover Early")


def shut_down() -> Stop:
    return Stop(RunState.KILLED, "the executor was stopped and killed the job.")


def timed_out(limit_s: int) -> Stop:
    return Stop(RunState.TIMED_OUT, f"job execute timeout after {limit_s} s")


def name_ending(ending: Ending, stop: Stop | None) -> tuple[RunState, str]:
    """The run's final state and message.

    A run that was asked to stop is named by that, even where its code then ended by itself:
    the Admin has marked it already, and a second truth would contradict the first.
    """
    if stop is not None:
        return stop.state, stop.message(started=True)
    match ending.kind:
        case EndingKind.RETURNED:
            return RunState.SUCCEEDED, ending.message
        case EndingKind.LOST | EndingKind.STOPPED | EndingKind.RAISED:
            return RunState.FAILED, ending.message


def name_abandoned(stop: Stop, whereabouts: str) -> tuple[RunState, str]:
    """The result of a run whose code would not end: said as it is, not as it was wished."""
    busy = f"still busy in {whereabouts}" if whereabouts else "still busy"
    return (
        stop.state,
        f"{stop.message(started=True)} It was told to stop but is {busy}; its lane stays closed until it ends.",
    )
