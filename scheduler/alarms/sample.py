"""What a test message says, and what a preview shows; pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from scheduler.alarms.model import AlarmType, Delivery, Level, Purpose, RaisedAlarm

_FACTS = {
    "jobNo": "JOB-20261124-000017",
    "jobName": "nightly report",
    "jobGroup": "finance",
    "handlerName": "reportGenerate",
    "attempt": 1,
    "status": "failed",
    "resultMessage": "ConnectionRefusedError: the warehouse does not answer",
}


def trial(now: datetime) -> RaisedAlarm:
    """What is told to find out whether a channel works."""
    return RaisedAlarm(
        id=0,
        job_id=None,
        log_id=None,
        type=AlarmType.CUSTOM,
        level=Level.INFO,
        title="qooerp-scheduler",
        content="",
        facts={},
        created=now,
    )


def example(now: datetime) -> RaisedAlarm:
    """A failure as it might be, of a job that is not there."""
    return RaisedAlarm(
        id=1,
        job_id=17,
        log_id=4711,
        type=AlarmType.FAILURE,
        level=Level.ERROR,
        title=f"{_FACTS['jobName']} has failed",
        content=str(_FACTS["resultMessage"]),
        facts=_FACTS,
        created=now,
    )


def delivery_of(
    message_id: UUID, purpose: Purpose, *, channel: str, receivers: Sequence[str], now: datetime
) -> Delivery:
    """The message that tells of one of these."""
    return Delivery(
        id=0,
        message_id=message_id,
        purpose=purpose,
        rule="",
        channel=channel,
        receiver=",".join(receivers),
        attempts=1,
        alarm_count=1,
        created=now,
    )
