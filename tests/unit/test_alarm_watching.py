"""What a look at the tables finds, told as people read it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from scheduler.alarms.watching import recovered


@pytest.mark.parametrize(
    ("zone", "since"),
    [
        ("Asia/Shanghai", "2026-11-24 09:00:00 CST"),
        ("Mars/Olympus", "2026-11-24 01:00:00 UTC"),
    ],
)
def test_since_when_a_job_had_failed_is_told_in_its_zone(zone: str, since: str) -> None:
    row = {
        "job_id": 5,
        "job_name": "payroll",
        "job_group": "default",
        "log_id": 9,
        "notify_id": 3,
        "failed_at": datetime(2026, 11, 24, 1, tzinfo=UTC),
        "timezone": zone,
    }

    (alarm,) = recovered([row])

    assert alarm.content == f"it had failed since {since}"
