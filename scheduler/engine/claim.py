"""Claimed jobs, planned together: what is to be written about them; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from scheduler.engine.calendars import Calendar
from scheduler.engine.misfires import why_lost
from scheduler.engine.plan import Plan, first_time, plan
from scheduler.engine.rules import BadSchedule, is_delayed
from scheduler.job import HolidayPolicy, IntervalMode, MisfirePolicy, ScheduleType

_NOTE_LENGTH = 500
# calling an enum costs more than all the rest of a row
_TYPES = {kind.value: kind for kind in ScheduleType}
_MODES = {mode.value: mode for mode in IntervalMode}
_MISFIRES = {policy.value: policy for policy in MisfirePolicy}
_HOLIDAYS = {policy.value: policy for policy in HolidayPolicy}
_NEVER: Mapping[int, datetime] = {}
_OVER = "its rule gives no more times"
_SKIPPED = "its last time passed while nobody could fire, and its misfire policy skips such times"


class Due(NamedTuple):
    """A claimed job, as much of it as planning asks for; made a thousand at a time."""

    id: int
    job_no: str
    schedule_type: ScheduleType
    cron_expression: str | None
    interval_seconds: int | None
    interval_mode: IntervalMode
    run_at: datetime | None
    timezone: str
    misfire_policy: MisfirePolicy
    next_run_time: datetime | None
    calendar_name: str | None
    holiday_policy: HolidayPolicy


Moved = tuple[int, datetime | None, str]
"""A job, when it is due next, and why never."""


@dataclass(frozen=True, slots=True)
class Planned:
    """Rows for `plan_fires.sql`, and what is to be told."""

    jobs: list[Moved] = field(default_factory=list)
    fires: list[tuple[int, datetime, str, bool, bool]] = field(default_factory=list)
    lost: list[tuple[int, datetime, str]] = field(default_factory=list)
    """Due times that nothing makes up: jobs, the first of them each, and why."""
    misfired: list[str] = field(default_factory=list)
    """The numbers of jobs of which some times were missed."""
    aside: list[tuple[str, str]] = field(default_factory=list)
    """The numbers of jobs that cannot be planned, and why."""

    def columns(self) -> tuple[Sequence[Sequence[Any]], Sequence[Sequence[Any]]]:
        """Jobs and fires as arrays."""
        return _transposed(self.jobs, 3), _transposed(self.fires, 5)


def resumed(rows: Iterable[Any], ends: Mapping[int, datetime]) -> list[Moved]:
    """When the jobs of fixed delay in *rows* are due again, after their runs have ended at *ends*."""
    return [_resumed(row, ends[row["id"]]) for row in rows]


def _resumed(row: Any, ended: datetime) -> Moved:
    try:
        following = first_time(_due_of(row, _NEVER), ended, calendar=calendar_of(row))
    except BadSchedule as reason:
        return row["id"], None, str(reason)[:_NOTE_LENGTH]
    return row["id"], following, "" if following is not None else _OVER


def planned(
    rows: Iterable[Any], now: datetime, ahead: timedelta, *, since: Mapping[int, datetime] = _NEVER
) -> Planned:
    """Plan each of the claimed *rows*; one that cannot be planned is put aside, with the reason.

    *since* are times before that of its row from which on a job is planned.
    """
    result = Planned()
    for row in rows:
        try:
            _plan_one(result, row, _due_of(row, since), now=now, ahead=ahead)
        except BadSchedule as reason:
            _put_aside(result, row, str(reason))
        except Exception as error:  # noqa: BLE001 - a job that cannot be planned must not stop the others
            _put_aside(result, row, f"{type(error).__name__}: {error}")
    return result


def _plan_one(result: Planned, row: Any, job: Due, *, now: datetime, ahead: timedelta) -> None:
    plans = plan(job, now, ahead=ahead, calendar=calendar_of(row))
    result.jobs.append((job.id, plans.next_run_time, _note(job, plans)))
    if plans.lost is not None:
        result.lost.append((job.id, plans.lost, why_lost(job.misfire_policy)))
    for fire in plans.fires:
        asked = job.id, fire.scheduled, row["schedule_type"], row["depends"]
        result.fires.append((*asked, fire.at != fire.scheduled))
    if plans.misfired:
        result.misfired.append(job.job_no)


def _due_of(row: Any, since: Mapping[int, datetime]) -> Due:
    return Due(
        row["id"],
        row["job_no"],
        _TYPES[row["schedule_type"]],
        row["cron_expression"],
        row["interval_seconds"],
        _MODES[row["interval_mode"]],
        row["run_at"],
        row["timezone"],
        _MISFIRES[row["misfire_policy"]],
        since.get(row["id"], row["next_run_time"]),
        row["calendar_name"],
        _HOLIDAYS[row["holiday_policy"]],
    )


def _put_aside(result: Planned, row: Any, reason: str) -> None:
    result.aside.append((row["job_no"], reason))
    result.jobs.append((row["id"], None, reason[:_NOTE_LENGTH]))


def _note(job: Due, plans: Plan) -> str:
    if plans.next_run_time is not None or (plans.fires and is_delayed(job)):
        return ""
    skipped = plans.misfired and job.misfire_policy is MisfirePolicy.SKIP
    return _SKIPPED if skipped and not plans.fires else _OVER


def calendar_of(row: Any) -> Calendar | None:
    """The calendar in a row of `claim_due.sql`; None: there is none of this name."""
    if row["working_weekdays"] is None:
        return None
    return Calendar(
        name=row["calendar_name"],
        working_weekdays=frozenset(row["working_weekdays"]),
        closing_days=frozenset(row["closing_days"]),
        make_up_days=frozenset(row["make_up_days"]),
    )


def _transposed(rows: Sequence[Sequence[Any]], width: int) -> Sequence[Sequence[Any]]:
    return list(zip(*rows, strict=True)) if rows else [()] * width
