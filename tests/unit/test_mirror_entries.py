from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admin_bridge.console import AdminLog
from executor.model import RunState
from scheduler.mirror.job_entry import admin_fields, is_another
from scheduler.mirror.log_entry import COLUMNS, once_each, plain_text, row_of, state_of
from scheduler.mirror.progress import Progress, reconcile_at
from scheduler.mirror.spans import SHORTEST, cut, fitting
from tests.integration.memory_admin import MemoryAdmin

NOW = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
SHANGHAI = ZoneInfo("Asia/Shanghai")


def a_log(**fields: object) -> AdminLog:
    admin = MemoryAdmin()
    admin.run(NOW, log_id=7, handle=0)
    return replace(admin.logs[7], **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("trigger", "handle", "state"),
    [
        (0, 0, "queued"),
        (200, 0, "running"),
        (200, -1, "running"),
        (200, 200, "succeeded"),
        (200, 500, "failed"),
        (200, 201, "failed"),
        (200, 502, "timed_out"),
        (500, 0, "failed"),
        (201, 0, "failed"),
        (500, 200, "succeeded"),
        (0, 200, "succeeded"),
    ],
)
def test_codes_tell_the_state(trigger: int, handle: int, state: str) -> None:
    assert state_of(a_log(trigger_code=trigger, handle_code=handle)) == state


def test_a_refusal_by_the_block_strategy_is_no_failure() -> None:
    said = "address：http://x/<br>code：500<br>msg：block strategy effect：Discard Later"

    assert state_of(a_log(trigger_code=500, trigger_message=said)) is RunState.DISCARDED


def test_a_run_on_another_node_began_with_its_trigger() -> None:
    log = a_log(handle_code=200, handled_at=NOW + timedelta(seconds=90), handle_message="fine")

    row = dict(zip(COLUMNS, row_of(log, NOW), strict=True))

    assert (row["start_time"], row["end_time"], row["duration_ms"]) == (
        NOW,
        NOW + timedelta(seconds=90),
        90_000,
    )
    assert (row["result_code"], row["result_message"], row["settled"]) == (200, "fine", False)


def test_an_end_is_settled_after_a_minute() -> None:
    log = a_log(handle_code=200, handled_at=NOW)

    settled = [row_of(log, NOW + timedelta(seconds=s))[-1] for s in (0, 60, 61)]

    assert settled == [False, False, True]


def test_markup_becomes_text() -> None:
    said = '<span style="color:#00c0ef;">&gt;&gt;&gt;</span><br>code：500<br/>1 < 2 &amp; 3'

    assert plain_text(said) == ">>>\ncode：500\n1 < 2 & 3"


def test_of_a_row_that_was_read_twice_the_last_reading_counts() -> None:
    early, late = a_log(handle_code=0), a_log(handle_code=200)

    assert once_each([early, a_log(id=8), late]) == [late, a_log(id=8)]


def test_the_same_id_at_another_time_is_another_row() -> None:
    assert len(once_each([a_log(), a_log(triggered_at=NOW + timedelta(days=1))])) == 2


@pytest.mark.parametrize(
    ("hours", "seconds", "another"),
    [(0, 0, False), (8, 0, False), (-5, 1800, False), (0, 77, True), (15, 0, True), (24, 3, True)],
)
def test_another_moment_of_birth_is_another_job_unless_only_the_zone_is(
    hours: int, seconds: int, another: bool
) -> None:
    job = MemoryAdmin().job(1)
    assert job.added_at is not None
    there = replace(job, added_at=job.added_at + timedelta(hours=hours, seconds=seconds))

    assert is_another(there, admin_fields(job)) is another


def test_a_job_that_was_never_copied_is_no_other() -> None:
    assert not is_another(MemoryAdmin().job(1), None)


def test_smaller_ids_that_are_newer_tell_of_a_wiped_database() -> None:
    progress = Progress().after([a_log(id=900)], until=NOW)
    later = NOW + timedelta(minutes=5)

    assert progress.restarted([a_log(id=901, triggered_at=later)]) is None
    assert progress.restarted([a_log(id=899, triggered_at=NOW + timedelta(seconds=30))]) is None
    again = a_log(id=3, triggered_at=later)
    assert progress.restarted([again]) == again
    assert progress.forgetting(later).restarted([again]) is None


def test_a_wipe_is_seen_though_other_runs_follow_at_once() -> None:
    """The first rows after it may look like a clock that differs; those after them do not."""
    progress = Progress().after([a_log(id=900)], until=NOW)
    for second in range(5, 65, 5):
        at = NOW + timedelta(seconds=second)
        progress = progress.after([a_log(id=second, triggered_at=at)], until=at)

    assert progress.restarted([a_log(id=99, triggered_at=NOW + timedelta(seconds=70))])


def test_progress_never_goes_back() -> None:
    progress = Progress().after([], until=NOW)
    progress = progress.after([], until=NOW - timedelta(days=1))

    assert progress.logs_until == NOW


@pytest.mark.parametrize(
    ("last", "due"),
    [
        (None, NOW),
        (datetime(2026, 11, 24, 2, 0, tzinfo=SHANGHAI), datetime(2026, 11, 24, 3, tzinfo=SHANGHAI)),
        (datetime(2026, 11, 24, 3, 0, tzinfo=SHANGHAI), datetime(2026, 11, 25, 3, tzinfo=SHANGHAI)),
        (datetime(2026, 11, 24, 9, 0, tzinfo=SHANGHAI), datetime(2026, 11, 25, 3, tzinfo=SHANGHAI)),
    ],
)
def test_the_days_are_compared_once_a_night(last: datetime | None, due: datetime) -> None:
    assert reconcile_at(last, NOW, hour=3, zone=SHANGHAI) == due


@given(
    seconds=st.integers(1, 10_000_000),
    length=st.integers(0, 20_000_000),
    rows=st.integers(0, 10**7),
    wanted=st.integers(1, 10_000),
)
def test_spans_lead_to_the_end(seconds: int, length: int, rows: int, wanted: int) -> None:
    end = NOW + timedelta(seconds=seconds)

    span = cut(NOW, end, timedelta(seconds=length))
    after = fitting(span.length, rows, wanted=wanted)

    assert NOW < span.until <= end
    assert after >= SHORTEST
    assert rows <= wanted or after <= max(SHORTEST, span.length)
