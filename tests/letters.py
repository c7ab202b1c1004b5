"""Messages for tests of those who send them."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

from scheduler.alarms.delivery.letter import Letter, Rendered
from scheduler.alarms.model import AlarmType, Delivery, Level, Purpose, RaisedAlarm


def a_letter(*receivers: str) -> Letter:
    """About one failure."""
    now = datetime.now(UTC)
    delivery = Delivery(
        id=1,
        message_id=uuid4(),
        purpose=Purpose.ALARM,
        rule="ops",
        channel="a channel",
        receiver="",
        attempts=1,
        alarm_count=1,
        created=now,
    )
    alarm = RaisedAlarm(
        id=1,
        job_id=7,
        log_id=100,
        type=AlarmType.FAILURE,
        level=Level.ERROR,
        title="stock has failed",
        content="no rows",
        facts={},
        created=now,
    )
    rendered = Rendered("stock has failed", "stock has failed: no rows", "<p>no rows</p>")
    return Letter(delivery=delivery, alarms=[alarm], rendered=rendered, receivers=receivers)
