"""One sample of a report, and its changes."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from executor.model import Report, RunState, Trigger

T0 = 1_795_392_000_000
"""2026-11-23T00:00:00Z."""

_TRIGGER = Trigger(
    cluster="main", log_id=1, triggered_ms=T0, job_id=7, handler="dataCleanup", params="keep=3"
)
_REPORT = Report(
    run_id=1,
    revision=10,
    trigger=_TRIGGER,
    state=RunState.SUCCEEDED,
    accepted_ms=T0 + 1,
    started_ms=T0 + 2,
    ended_ms=T0 + 52,
    message="deleted 3 rows",
)


def a_report(state: RunState = RunState.SUCCEEDED, **changes: Any) -> Report:
    """The sample in *state*; *changes* are of the report's fields or its trigger's."""
    own = {name: value for name, value in changes.items() if hasattr(_REPORT, name)}
    trigger = replace(_TRIGGER, **{n: v for n, v in changes.items() if n not in own})
    ended = {} if state.is_final else {"ended_ms": None, "message": ""}
    return replace(_REPORT, **{"trigger": trigger, "state": state, **ended, **own})
