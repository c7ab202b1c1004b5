"""What a look at the tables finds, as alarms: runs that go on, replicas that are gone; pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from scheduler.alarms.events import of_job, started_late
from scheduler.alarms.facts import facts_of, name_of, shown
from scheduler.alarms.model import LEVELS, Alarm, AlarmType
from scheduler.alarms.rule import Rules

Row = Mapping[str, Any]
FEWEST_RUNS = 20
"""Of fewer successful runs of a job no percentile is taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long what may take, where no rule says."""

    late: timedelta
    deadline: timedelta
    """Zero: any time."""
    slow_factor: float
    slow: timedelta
    """A run that takes less is never slow."""


def still_waiting(rows: Iterable[Row], rules: Rules, patience: Patience) -> Iterator[Alarm]:
    """Runs of `waiting.sql` that are late and have not even begun."""
    for row in rows:
        if row["late"] >= rules.late(row["job_id"], row["job_group"], patience.late):
            yield started_late(row, row["late"])


def past_deadline(rows: Iterable[Row], rules: Rules, patience: Patience) -> Iterator[Alarm]:
    """Runs of `running.sql` that take longer than people want to wait unknowing."""
    for row in rows:
        limit = rules.deadline(row["job_id"], row["job_group"], patience.deadline)
        if limit is not None and row["took"] >= limit:
            yield _of_run(
                row,
                AlarmType.SOFT_DEADLINE,
                f"{name_of(row)} runs past its deadline",
                content=f"for {_seconds(row['took'])} s already; {_seconds(limit)} s were allowed",
                facts=facts_of(
                    row, tookSeconds=_seconds(row["took"]), deadlineSeconds=_seconds(limit)
                ),
            )


def slow(
    rows: Iterable[Row], p95_ms: Mapping[int, int | None], patience: Patience
) -> Iterator[Alarm]:
    """Runs of `running.sql` that take much longer than nearly all runs of their job."""
    for row in rows:
        usual_ms = p95_ms.get(row["job_id"])
        if usual_ms is None:
            continue
        limit = max(patience.slow, timedelta(milliseconds=usual_ms * patience.slow_factor))
        if row["took"] >= limit:
            yield _of_run(
                row,
                AlarmType.SLOW,
                f"{name_of(row)} is slow",
                content=f"for {_seconds(row['took'])} s already;"
                f" 95 of 100 runs take at most {usual_ms / 1000:g} s",
                facts=facts_of(row, tookSeconds=_seconds(row["took"]), usualMs=usual_ms),
            )


def gone(rows: Iterable[Row], zone: str) -> Iterator[Alarm]:
    """Replicas of `gone.sql`; people are told times in *zone*."""
    for row in rows:
        heard = row["heartbeat_at"].isoformat()
        yield Alarm(
            type=AlarmType.EXECUTOR_GONE,
            level=LEVELS[AlarmType.EXECUTOR_GONE],
            title=f"Executor {row['address'] or row['id']} is gone",
            content=f"last heard of at {shown(row['heartbeat_at'], {'timezone': zone})}",
            dedup_key=f"gone/{row['id']}/{heard}",
            key=f"executor_gone/replica:{row['id']}",
            facts={"executorAddress": row["address"], "replicaId": row["id"], "heardAt": heard},
            breaks=f"replica:{row['id']}",
            since=row["heartbeat_at"],
        )


def back(rows: Iterable[Row]) -> Iterator[Alarm]:
    """Replicas of `back.sql`."""
    for row in rows:
        yield Alarm(
            type=AlarmType.RECOVERED,
            level=LEVELS[AlarmType.RECOVERED],
            title=f"Executor {row['address'] or row['id']} is back",
            dedup_key=f"back/{row['id']}/{row['notify_id']}",
            key=f"recovered/replica:{row['id']}",
            facts={
                "executorAddress": row["address"],
                "replicaId": row["id"],
                "notifyId": row["notify_id"],
            },
        )


def recovered(rows: Iterable[Row]) -> Iterator[Alarm]:
    """Jobs of `recovered.sql`."""
    for row in rows:
        yield of_job(
            row,
            AlarmType.RECOVERED,
            f"{name_of(row)} has succeeded again",
            content=f"it had failed since {shown(row['failed_at'], row)}",
            dedup_key=f"recovered/{row['job_id']}/{row['log_id']}",
            facts=facts_of(row, notifyId=row["notify_id"], failedAt=row["failed_at"]),
        )


def stuck(rows: Iterable[Row]) -> Iterator[Alarm]:
    """Jobs of `stuck.sql`."""
    for row in rows:
        behind = f"behind run {row['head_log_id']}" if row["head_log_id"] else "and none is running"
        yield of_job(
            row,
            AlarmType.QUEUE_STUCK,
            f"The queue of {name_of(row)} is stuck",
            content=f"{row['waiting']} runs wait, one for {_seconds(row['waits'])} s, {behind}",
            dedup_key=f"stuck/{row['job_id']}/{row['since'].isoformat()}",
            facts=facts_of(row, waiting=row["waiting"], headLogId=row["head_log_id"]),
        )


def aside(rows: Iterable[Row]) -> Iterator[Alarm]:
    """Jobs of `aside.sql`."""
    for row in rows:
        yield of_job(
            row,
            AlarmType.MISSED_FIRE,
            f"{name_of(row)} will not run",
            content=row["schedule_note"],
            dedup_key=f"aside/{row['job_id']}/{row['version']}",
            facts=facts_of(row),
        )


def _of_run(
    row: Row, kind: AlarmType, title: str, *, content: str, facts: Mapping[str, object]
) -> Alarm:
    key = f"{kind.value}/run/{row['log_id']}"
    return of_job(row, kind, title, content=content, dedup_key=key, facts=facts)


def _seconds(span: timedelta) -> int:
    return round(span.total_seconds())
