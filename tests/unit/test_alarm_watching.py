"""What a look at the tables finds, told as people read it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from scheduler.alarms import nodes
from scheduler.alarms.watching import gone, recovered

HEARD = datetime(2026, 11, 24, 1, tzinfo=UTC)


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
        "failed_at": HEARD,
        "timezone": zone,
    }

    (alarm,) = recovered([row])

    assert alarm.content == f"it had failed since {since}"


def test_since_when_an_executor_is_gone_is_told_in_the_zone_of_the_service() -> None:
    ours = {"id": "a", "address": "http://a:9999/", "heartbeat_at": HEARD}
    theirs = {"subject": "b", "address": "http://b:9999/", "since": HEARD, "open": 2}
    theirs |= {"cluster": "main", "app_name": "b"}

    (replica,) = gone([ours], "Asia/Shanghai")
    (other,) = nodes.gone([theirs], "Asia/Shanghai")

    assert replica.content == "last heard of at 2026-11-24 09:00:00 CST"
    assert "since 2026-11-24 09:00:00 CST; runs" in other.content
