"""What becomes of planned fires that are too late: their jobs' misfire policies decide; pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any, NamedTuple

from scheduler.engine.plan import MISFIRED_AFTER
from scheduler.job import IntervalMode, MisfirePolicy, ScheduleType

_POLICIES = {policy.value: policy for policy in MisfirePolicy}  # calling the enum costs more
_LOST = "nobody could fire at this time, nor soon after, and it is not made up by the policy"


class Missed(NamedTuple):
    """What is to be written; what is not dropped is fired late."""

    dropped: list[int]
    given_back: list[tuple[int, datetime]]
    """Jobs, and from which time on they are to be planned anew."""
    lost: list[tuple[int, datetime, str]]
    """Due times that nothing makes up: jobs, the first of them each, and why."""


def missed(rows: Iterable[Any], now: datetime) -> Missed:
    """What becomes of the late fires in the *rows* of `late_of.sql`, by job and due time.

    Where a job is still to be planned for a time that was missed, too, it is all one misfire.
    """
    found = Missed([], [], [])
    for job_id, group in groupby(rows, key=lambda row: row["job_id"]):
        fires = list(group)
        given_back = _is_planned_anew(fires[0], now)
        kept = 0 if given_back else _made_up(fires[0])
        found.dropped.extend(row["id"] for row in fires[kept:])
        if given_back:
            found.given_back.append((job_id, fires[0]["scheduled_time"]))
        elif fires[kept:]:
            found.lost.append((job_id, fires[kept]["scheduled_time"], why_lost(_policy(fires[0]))))
    return found


def folded(rows: Sequence[Any], now: datetime) -> list[int]:
    """The jobs among the claimed *rows* whose misfire takes in their late fires."""
    return [
        row["id"]
        for row in rows
        if row["next_run_time"] <= now - MISFIRED_AFTER
        and _policy(row) is not MisfirePolicy.FIRE_ALL
    ]


def why_lost(policy: MisfirePolicy) -> str:
    """Why due times are not made up, for people."""
    return f"{_LOST} {policy.value}"


def _is_planned_anew(row: Any, now: datetime) -> bool:
    due = row["next_run_time"]
    if due is not None:
        return bool(due <= now - MISFIRED_AFTER)
    return _has_no_other_time(row) and _policy(row) is MisfirePolicy.SKIP


def _has_no_other_time(row: Any) -> bool:
    match ScheduleType(row["schedule_type"]):
        case ScheduleType.ONCE:
            return True
        case ScheduleType.INTERVAL:
            return IntervalMode(row["interval_mode"]) is IntervalMode.FIXED_DELAY
        case ScheduleType.CRON | ScheduleType.NONE:
            return False


def _made_up(row: Any) -> int:
    return 1 if _policy(row) is MisfirePolicy.FIRE_ONCE else 0


def _policy(row: Any) -> MisfirePolicy:
    return _POLICIES[row["misfire_policy"]]
