"""What becomes of the runs that a dead service has left behind."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from executor import sqlite
from executor.dispatch import Dispatcher
from executor.ending import covered
from executor.errors import TriggerRejected
from executor.handler import Handler
from executor.logpages import LogPages
from executor.model import LOCAL, BlockStrategy, Report, RunState, Trigger

MOST_RESTARTS = 3
"""A run that was running each time the service died is suspected of killing it."""

INTERRUPTED = "the executor died while this was running; it was not run again"
_SUSPECT = (
    f"the executor died {MOST_RESTARTS + 1} times while this was running; it is not run again"
)
_COVERED = covered()
_NOT_RUN = "the executor died before this could run, and is set not to run it later"


Verdict = tuple[RunState, str]
"""How a run ends that is not taken up again."""
_NONE: Mapping[int, Verdict] = MappingProxyType({})


def verdict(
    report: Report, *, idempotent: bool, run_waiting: bool, is_covered: bool
) -> Verdict | None:
    """How an open run of a former life ends now; None: it may run (again).

    *is_covered*: one that waits behind it was to take its place.
    """
    running = report.state is RunState.RUNNING
    if report.stopping:
        return RunState.KILLED, report.stopping
    if is_covered:
        return RunState.KILLED, _COVERED.message(started=running)
    if not running:
        return None if run_waiting else (RunState.INTERRUPTED, _NOT_RUN)
    if not idempotent:
        return RunState.INTERRUPTED, INTERRUPTED
    return (RunState.INTERRUPTED, _SUSPECT) if report.restarts >= MOST_RESTARTS else None


def recover(
    reports: Sequence[Report],
    dispatcher: Dispatcher,
    pages: LogPages,
    find_handler: Callable[[Trigger], Handler | None],
    *,
    run_waiting: bool,
    disowned: Mapping[int, Verdict] = _NONE,
) -> int:
    """Take up or end every one of *reports*, in their order; how many were ended.

    *disowned* are the ends of local runs that others have decided about meanwhile, by log id.
    """
    ended = 0
    covers = _last_covers(reports)
    for report in reports:
        end = disowned.get(report.trigger.log_id) if report.trigger.cluster == LOCAL else None
        if end is None:
            end = verdict(
                report,
                idempotent=_is_idempotent(report.trigger, find_handler),
                run_waiting=run_waiting,
                is_covered=report.run_id < covers.get(report.trigger.lane, 0),
            )
        first_line = _first_line(report, pages)
        if end is None:
            dispatcher.resume(report, first_line=first_line)
        else:
            ended += 1
            dispatcher.give_up(report, *end, first_line=first_line)
    return ended


def _last_covers(reports: Sequence[Report]) -> dict[tuple[str, int], int]:
    """The newest run of each lane that takes the place of all before it."""
    return {
        report.trigger.lane: report.run_id
        for report in reports
        if report.trigger.block is BlockStrategy.COVER
    }


def _first_line(report: Report, pages: LogPages) -> int:
    """Where the log of *report*'s run goes on."""
    if report.state is RunState.QUEUED:
        return 1
    try:
        return pages.total(*report.trigger.identity) + 1
    except sqlite.FAULTS:
        return 1  # a day file that cannot be read costs lines, never a start


def _is_idempotent(trigger: Trigger, find_handler: Callable[[Trigger], Handler | None]) -> bool:
    try:
        handler = find_handler(trigger)
    except TriggerRejected:
        return True  # resuming says that the handler is gone
    return handler is not None and handler.idempotent
