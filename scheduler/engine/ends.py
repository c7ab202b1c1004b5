"""Reports on runs that no executor will report on; pure."""

from __future__ import annotations

from executor.errors import LaneFull, TriggerRejected
from executor.model import Report, RunState, Trigger


def ended(trigger: Trigger, state: RunState, message: str, now_ms: int) -> Report:
    """The end of a run that never began here."""
    return Report(
        run_id=0,
        revision=1,
        trigger=trigger,
        state=state,
        accepted_ms=now_ms,
        ended_ms=now_ms,
        message=message,
    )


def refused(trigger: Trigger, refusal: TriggerRejected, now_ms: int) -> Report:
    """The end of a run that the executor did not take."""
    state = RunState.DISCARDED if isinstance(refusal, LaneFull) else RunState.FAILED
    return ended(trigger, state, str(refusal), now_ms)
