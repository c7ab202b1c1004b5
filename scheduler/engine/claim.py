"""Claimed jobs, planned together: what is to be written about them; pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import structlog

from scheduler.engine.calendars import Calendar
from scheduler.engine.plan import Plan, plan
from scheduler.engine.rules import BadSchedule
from scheduler.job import Job, MisfirePolicy
from scheduler.job_store import job_of

_log = structlog.get_logger(__name__)
_NOTE_LENGTH = 500
_OVER = "its rule gives no more times"
_MISSED = "its last time passed while nobody could fire, and its misfire policy skips such times"


@dataclass(frozen=True, slots=True)
class Planned:
    """Rows for `plan_fires.sql`."""

    jobs: list[tuple[int, datetime | None, str]] = field(default_factory=list)
    fires: list[tuple[int, datetime, datetime, str, bool]] = field(default_factory=list)

    def columns(self) -> tuple[Sequence[Sequence[Any]], Sequence[Sequence[Any]]]:
        """Both as arrays."""
        return _transposed(self.jobs, 3), _transposed(self.fires, 5)


def planned(rows: Iterable[Any], now: datetime, ahead: timedelta) -> Planned:
    """Plan each of the claimed *rows*; one that cannot be planned is put aside, with the reason."""
    result = Planned()
    for row in rows:
        try:
            _plan_one(result, row, now, ahead)
        except BadSchedule as reason:
            _put_aside(result, row, str(reason))
        except Exception as error:  # noqa: BLE001 - a job that cannot be planned must not stop the others
            _put_aside(result, row, f"{type(error).__name__}: {error}")
    return result


def _plan_one(result: Planned, row: Any, now: datetime, ahead: timedelta) -> None:
    job = job_of(row)
    plans = plan(job, now, ahead=ahead, calendar=calendar_of(row))
    if plans.misfired:
        _log.warning("fires_missed", job=job.job_no, policy=job.misfire_policy.value)
    result.jobs.append((job.id, plans.next_run_time, _note(job, plans)))
    result.fires.extend(
        (job.id, fire.at, fire.scheduled, job.schedule_type.value, row["depends"])
        for fire in plans.fires
    )


def _put_aside(result: Planned, row: Any, reason: str) -> None:
    _log.error("job_cannot_be_planned", job=row["job_no"], reason=reason)
    result.jobs.append((row["id"], None, reason[:_NOTE_LENGTH]))


def _note(job: Job, plans: Plan) -> str:
    if plans.next_run_time is not None:
        return ""
    skipped = plans.misfired and job.misfire_policy is MisfirePolicy.SKIP
    return _MISSED if skipped and not plans.fires else _OVER


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
