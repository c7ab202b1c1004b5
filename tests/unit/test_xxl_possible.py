from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from scheduler.job import (
    Engine,
    HolidayPolicy,
    IntervalMode,
    Job,
    MisfirePolicy,
    RetryStrategy,
    ScheduleType,
)
from scheduler.refusal import Invalid
from scheduler.xxl.possible import Place, check

OLD = Place("2.x", "our-app", "Asia/Shanghai")
NEW = Place("3.3", "our-app", "Asia/Shanghai")
JOB = Job(name="a", handler="b", engine=Engine.XXL, timezone="")
CRON = {"schedule_type": ScheduleType.CRON}
MOMENT = datetime(2026, 11, 24, tzinfo=UTC)

IMPOSSIBLE = [
    ({"schedule_type": ScheduleType.ONCE, "run_at": MOMENT}, "schedule_type", "run once"),
    ({"schedule_type": ScheduleType.INTERVAL}, "interval_seconds", "is needed"),
    ({"interval_mode": IntervalMode.FIXED_DELAY}, "interval_mode", "fixed_rate"),
    (CRON, "cron_expression", "is needed"),
    (CRON | {"cron_expression": "*/5 * * * *"}, "cron_expression", "6 or 7 fields"),
    (CRON | {"cron_expression": "0 0 99 * * ?"}, "cron_expression", "99"),
    (
        CRON | {"cron_expression": f"{','.join(map(str, range(60)))} 0 2 * * ?"},
        *("cron_expression", "at most 128 characters"),
    ),
    ({"retry_strategy": RetryStrategy.LINEAR, "retry_count": 1}, "retry_strategy", "only counts"),
    ({"retry_strategy": RetryStrategy.EXPONENTIAL}, "retry_strategy", "only counts"),
    ({"retry_strategy": RetryStrategy.FIXED}, "retry_count", "is needed"),
    ({"retry_count": 1, "retry_interval_seconds": 5}, "retry_interval_seconds", "within 10 s"),
    ({"retry_max_interval_seconds": 5}, "retry_max_interval_seconds", "within 10 s"),
    ({"group": "finance"}, "group", "only the group 'our-app'"),
    ({"timezone": "UTC"}, "timezone", "in Asia/Shanghai"),
    ({"timezone": "Mars/Olympus"}, "timezone", "no IANA time zone"),
    ({"handler": ""}, "handler", "is needed"),
    ({"misfire_policy": MisfirePolicy.FIRE_ALL}, "misfire_policy", "once or skips"),
    ({"depends_on": (1,)}, "depends_on", "no dependencies"),
    ({"calendar_name": "china"}, "calendar_name", "no calendars"),
    ({"holiday_policy": HolidayPolicy.SHIFT_AFTER}, "holiday_policy", "no calendars"),
]


@pytest.mark.parametrize("place", [OLD, NEW])
@pytest.mark.parametrize(("said", "field", "rule"), IMPOSSIBLE)
def test_what_an_admin_cannot_do_is_refused_by_field_and_rule(said, field, rule, place):
    with pytest.raises(Invalid, match=rule) as refusal:
        check(replace(JOB, **said), place)

    assert refusal.value.field == field


@pytest.mark.parametrize(
    "said",
    [
        {},
        CRON | {"cron_expression": "0 0 2 * * ?"},
        CRON | {"cron_expression": "0 0 2 * * ? 2030"},
        {"schedule_type": ScheduleType.INTERVAL, "interval_seconds": 1},
        {"retry_count": 3},
        {"retry_strategy": RetryStrategy.FIXED, "retry_count": 3},
        {"misfire_policy": MisfirePolicy.SKIP},
        {"group": "our-app"},
        {"timezone": "Asia/Shanghai"},
        {"timeout_seconds": 60, "params": "x" * 512, "description": "ours", "configs": {"a": "b"}},
    ],
)
def test_what_an_admin_can_do_is_taken(said):
    for place in (OLD, NEW):
        check(replace(JOB, **said), place)


def test_only_old_admins_bound_the_length_of_parameters():
    job = replace(JOB, params="x" * 513)

    check(job, NEW)
    with pytest.raises(Invalid, match="at most 512"):
        check(job, OLD)


def test_a_change_is_not_blamed_for_what_was_so_before():
    script = replace(JOB, handler="", depends_on=(1,))

    check(replace(script, params="x"), OLD, old=script)
    with pytest.raises(Invalid, match="no calendars"):
        check(replace(script, calendar_name="china"), OLD, old=script)
