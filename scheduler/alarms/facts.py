"""What templates can tell about an alarm, and what people call a job; pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

_RUN = {
    "status": "status",
    "attempt": "attempt",
    "handlerName": "handler_name",
    "triggerType": "trigger_type",
    "scheduledTime": "scheduled_time",
    "startTime": "start_time",
    "endTime": "end_time",
    "durationMs": "duration_ms",
    "resultCode": "result_code",
    "resultMessage": "result_message",
    "executorAddress": "executor_address",
    "cluster": "cluster",
}
_JOB = {
    "jobNo": "job_no",
    "jobName": "job_name",
    "jobGroup": "job_group",
    "engine": "engine",
    "timezone": "timezone",
}
_MOST = 4_000


def facts_of(row: Mapping[str, Any], **more: object) -> dict[str, object]:
    """The facts in a *row* that has columns of a job or a run, as JSON has them."""
    named = {
        name: _plain(row[column])
        for name, column in {**_JOB, **_RUN}.items()
        if row.get(column) is not None
    }
    return named | {name: _plain(value) for name, value in more.items() if value is not None}


def name_of(row: Mapping[str, Any]) -> str:
    """What people call the job of *row*."""
    return str(row.get("job_name") or row.get("job_no") or f"job {row['job_id']}")


def shown(moment: datetime, row: Mapping[str, Any]) -> str:
    """*moment* for people, in the zone of the job of *row*."""
    try:
        zone: tzinfo = ZoneInfo(row["timezone"])
    except (OSError, ValueError, LookupError):
        zone = UTC
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M:%S %Z}"


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    return value[:_MOST] if isinstance(value, str) else value
