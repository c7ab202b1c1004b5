"""What follows from the ends of runs: next attempts, news for dependents, jobs that are done; pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from executor.model import RunState, Source
from scheduler.engine.backoff import wait_s
from scheduler.job import IntervalMode, RetryStrategy, ScheduleType

_RETRIED = {RunState.FAILED, RunState.TIMED_OUT, RunState.INTERRUPTED}
"""A killed run was not wanted, a discarded one was refused: neither is tried again."""


_RULES = {Source.CRON.value, Source.INTERVAL.value, Source.ONCE.value, Source.DEPENDENCY.value}
"""What people have begun moves no delay; what others' success has, in a job whose rule is new, does."""
Retry = tuple[int, datetime, datetime, str | None, int, int, str, str | None]
Missed = tuple[int, datetime, str]
"""Job, due time, why."""


@dataclass(frozen=True, slots=True)
class Consequences:
    """Rows for the statements that write them."""

    retries: list[Retry] = field(default_factory=list)
    successes: list[tuple[int, int, datetime, datetime]] = field(default_factory=list)
    """Jobs, log ids, ends, trigger times."""
    done: list[tuple[int, bool]] = field(default_factory=list)
    """Jobs that were to run once, and whether they have succeeded."""
    rested: dict[int, datetime] = field(default_factory=dict)
    """Jobs whose interval counts from the ends of their runs, and these."""
    cut: list[tuple[int, int, datetime]] = field(default_factory=list)
    """Runs that would be tried again, were their jobs not stopped: jobs, log ids, trigger times."""


def consequences(rows: Iterable[Any], spread: Callable[[], float]) -> Consequences:
    """What follows from the *rows* of `settle.sql`; *spread* gives numbers from 0 to 1."""
    found = Consequences()
    for row in rows:
        state = RunState(row["status"])
        if state is RunState.SUCCEEDED:
            run = row["job_id"], row["id"], row["ended"], row["fire_time"]
            found.successes.append(run)
        if is_retried(row, state):
            found.retries.append(_next_attempt(row, spread()))
            continue
        if _has_attempts_left(row, state):
            found.cut.append((row["job_id"], row["id"], row["fire_time"]))
        if row["schedule_type"] == ScheduleType.ONCE:
            found.done.append((row["job_id"], state is RunState.SUCCEEDED))
        elif row["interval_mode"] == IntervalMode.FIXED_DELAY and row["origin"] in _RULES:
            found.rested[row["job_id"]] = row["ended"]
    return found


def missed_times(rows: Iterable[Any], refusals: Mapping[int, str]) -> list[Missed]:
    """The due times among the *rows* of `settle.sql` that are lost by *refusals*: log ids, and why.

    People have been answered, a next attempt ends its chain, and what waited in vain is told as that.
    """
    return [
        (row["job_id"], row["scheduled_time"], refusals[row["id"]])
        for row in rows
        if row["id"] in refusals
        and row["status"] == RunState.DISCARDED
        and row["state"] == "fired"
        and row["origin"] != Source.API
        and row["attempt"] == 1
    ]


def is_retried(row: Any, state: RunState) -> bool:
    """Whether another attempt follows a local run that has ended as *state*.

    A stopped job goes on with what people have begun, and with nothing else.
    """
    return bool(row["wanted"]) and _has_attempts_left(row, state)


def _has_attempts_left(row: Any, state: RunState) -> bool:
    return (
        state in _RETRIED
        and row["retry_strategy"] != RetryStrategy.NONE
        and row["attempt"] <= row["retry_count"]
    )


def _next_attempt(row: Any, spread: float) -> Retry:
    seconds = wait_s(
        RetryStrategy(row["retry_strategy"]),
        row["attempt"],
        interval_s=row["retry_interval_seconds"],
        most_s=row["retry_max_interval_seconds"],
        spread=spread,
    )
    when = row["ended"] + timedelta(milliseconds=round(seconds * 1000))
    first = row["first_log_id"] or row["id"]
    same = row["scheduled_time"], row["params"]
    return row["job_id"], when, *same, row["attempt"] + 1, first, row["origin"], row["parents"]
