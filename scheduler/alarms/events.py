"""What has happened, as alarms: runs that ended badly or began late, fires that were given up; pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from executor.model import RunState
from executor.run_alarm import RunAlarm, told_in
from scheduler.alarms.facts import facts_of, name_of
from scheduler.alarms.model import LEVELS, Alarm, AlarmType
from scheduler.alarms.rule import Rules
from scheduler.engine.consequences import is_retried
from scheduler.job import Engine

Row = Mapping[str, Any]
"""One of `take_events.sql`."""
_FAILED = {RunState.FAILED.value, RunState.TIMED_OUT.value, RunState.INTERRUPTED.value}
_LATE_EVERY_S = 600
"""Late starts of a job raise one alarm in so many seconds: they come in crowds."""
_TITLES = {
    AlarmType.FAILURE: "{} has failed",
    AlarmType.TIMEOUT: "{} took too long and was stopped",
    AlarmType.RETRIES_EXHAUSTED: "{} has failed in all its attempts",
}


@dataclass(frozen=True, slots=True)
class Judge:
    """Says which events are alarms. *late*: from which delay on, where no rule says."""

    rules: Rules
    late: timedelta

    def alarms(self, row: Row) -> Iterator[Alarm]:
        """The alarms of one event."""
        match row["kind"]:
            case "ended":
                yield from self._ended(row)
            case "late":
                yield from self._late(row)
            case "missed" | "waited":
                yield given_up(row)

    def is_held(self, row: Row) -> bool:
        """Whether it is to be judged later: an Admin may still try again, and will say so then."""
        return (
            row["kind"] == "ended"
            and row["engine"] == Engine.XXL
            and row["not_before"] is None
            and _is_bad(row)
            and 0 < row["retry_count"] >= row["attempt"]
        )

    def _ended(self, row: Row) -> Iterator[Alarm]:
        if row["status"] is None:
            return  # its month has been dropped meanwhile
        for said in told_in(row["result_message"]):
            yield own(said, row)
        if not _is_bad(row):
            return
        if not will_be_tried_again(row):
            yield _of_chain(row)
        elif self.rules.wants_every_attempt(row["job_id"], row["job_group"] or ""):
            yield _of_attempt(row)

    def _late(self, row: Row) -> Iterator[Alarm]:
        if row["start_time"] is None:
            return
        late = row["start_time"] - row["scheduled_time"]
        if late >= self.rules.late(row["job_id"], row["job_group"] or "", self.late):
            yield started_late(row, late)


def _is_bad(row: Row) -> bool:
    """Whether a run has failed, or, as a next attempt that was refused, its chain has."""
    refused = row["status"] == RunState.DISCARDED.value and row["attempt"] > 1
    return refused or row["status"] in _FAILED


def will_be_tried_again(row: Row) -> bool:
    """Whether another attempt follows a run that has failed."""
    if row["tried_again"] or row["engine"] == Engine.XXL:
        return bool(row["tried_again"])
    return row["engine"] is not None and is_retried(row, RunState(row["status"]))


def started_late(row: Row, late: timedelta) -> Alarm:
    """A run has begun, or has still not begun, *late* after its time."""
    seconds = late.total_seconds()
    slot = int(row["scheduled_time"].timestamp()) // _LATE_EVERY_S
    return of_job(
        row,
        AlarmType.STARTED_LATE,
        f"{name_of(row)} has started late",
        content=f"{seconds:.0f} s after its time",
        dedup_key=f"late/{row['job_id']}/{slot}",
        facts=facts_of(row, lateSeconds=round(seconds, 3)),
    )


def given_up(row: Row) -> Alarm:
    """Due times were skipped, or a job has waited in vain for others."""
    waited = row["kind"] == "waited"
    key = f"waited/{row['log_id']}" if waited else f"missed/{row['job_id']}/{row['at'].isoformat()}"
    title = "{} has waited in vain" if waited else "{} has missed its time"
    return of_job(
        row,
        AlarmType.MISSED_FIRE,
        title.format(name_of(row)),
        content=row["message"],
        dedup_key=key,
        facts=facts_of(row, dueTime=None if waited else row["at"]),
    )


def own(said: RunAlarm, row: Row) -> Alarm:
    """What a handler has raised in the run of *row*: once, whether told at once or by its report."""
    job = f"job:{row['job_id']}" if row["job_id"] is not None else row["cluster"]
    digest = hashlib.sha256(said.text.encode("utf-8", "replace")).hexdigest()[:24]
    run = f"{row['cluster']}/{row['admin_log_id']}/{int(row['at'].timestamp() * 1000)}"
    return Alarm(
        type=AlarmType.CUSTOM,
        level=said.level,
        title=said.text,
        content=f"raised by {name_of(row)}",
        dedup_key=f"custom/{run}/{digest}",
        key=f"custom/{job}/{digest}",
        job_id=row["job_id"],
        job_group=row.get("job_group") or "",
        log_id=row["log_id"],
        facts=facts_of(row),
    )


def _of_chain(row: Row) -> Alarm:
    """The one alarm of a chain of attempts."""
    kind = _kind(row)
    return of_job(
        row,
        kind,
        _TITLES[kind].format(name_of(row)),
        content=row["result_message"],
        dedup_key=f"chain/{row['first_log_id'] or row['log_id']}",
        facts=facts_of(row),
    )


def _of_attempt(row: Row) -> Alarm:
    return of_job(
        row,
        AlarmType.FAILURE,
        f"{name_of(row)} has failed and will be tried again",
        content=row["result_message"],
        dedup_key=f"attempt/{row['log_id']}",
        facts=facts_of(row, willRetry=True),
    )


def _kind(row: Row) -> AlarmType:
    if row["attempt"] > 1:
        return AlarmType.RETRIES_EXHAUSTED
    return AlarmType.TIMEOUT if row["status"] == RunState.TIMED_OUT else AlarmType.FAILURE


def of_job(
    row: Row,
    kind: AlarmType,
    title: str,
    *,
    content: str,
    dedup_key: str,
    facts: Mapping[str, object],
) -> Alarm:
    """An alarm about the job of *row*; one that breaks it is open until the job has recovered."""
    breaks = kind in (AlarmType.FAILURE, AlarmType.TIMEOUT, AlarmType.RETRIES_EXHAUSTED)
    return Alarm(
        type=kind,
        level=LEVELS[kind],
        title=title,
        content=content,
        dedup_key=dedup_key,
        key=f"{kind.value}/job:{row['job_id']}",
        job_id=row["job_id"],
        job_group=row["job_group"] or "",
        log_id=row.get("log_id"),
        facts=facts,
        breaks=f"job:{row['job_id']}" if breaks else "",
        since=row["at"] if breaks else None,
    )
