from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from scheduler.engine.misfires import missed

T0 = datetime(2026, 11, 24, tzinfo=UTC)
NOW = T0 + timedelta(minutes=10)
SOON, PAST = NOW + timedelta(seconds=1), T0 + timedelta(seconds=9)


def late(number: int, job: int = 1, **fields: object) -> dict[str, object]:
    """Fire *number* of a job, due at so many seconds."""
    return {
        "id": number,
        "job_id": job,
        "scheduled_time": T0 + timedelta(seconds=number),
        "misfire_policy": "fire_once",
        "next_run_time": SOON,
        "schedule_type": "cron",
        "interval_mode": "fixed_rate",
    } | fields


@pytest.mark.parametrize(
    ("fields", "dropped", "given_back", "lost"),
    [
        ({}, [2, 3], [], [2]),
        ({"next_run_time": None}, [2, 3], [], [2]),
        ({"next_run_time": PAST}, [1, 2, 3], [1], []),
        ({"misfire_policy": "skip"}, [1, 2, 3], [], [1]),
        ({"misfire_policy": "skip", "next_run_time": PAST}, [1, 2, 3], [1], []),
    ],
)
def test_late_fires_of_a_job_are_one_misfire(fields, dropped, given_back, lost):
    found = missed([late(number, **fields) for number in (1, 2, 3)], NOW)

    assert found.dropped == dropped
    assert found.given_back == [(1, T0 + timedelta(seconds=number)) for number in given_back]
    assert [row[:2] for row in found.lost] == [(1, T0 + timedelta(seconds=n)) for n in lost]


def test_a_moment_that_is_skipped_is_planned_anew_so_that_its_job_says_why():
    found = missed([late(1, misfire_policy="skip", schedule_type="once", next_run_time=None)], NOW)

    assert (found.dropped, found.given_back, found.lost) == (
        [1],
        [(1, late(1)["scheduled_time"])],
        [],
    )


def test_each_job_has_a_misfire_of_its_own():
    found = missed([late(1, job=1), late(2, job=1), late(3, job=2)], NOW)

    assert found.dropped == [2]
