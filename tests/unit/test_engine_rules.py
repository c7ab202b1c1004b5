from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from scheduler.engine.backoff import wait_s
from scheduler.engine.consequences import consequences
from scheduler.engine.dag import find_cycle
from scheduler.engine.timer import Timer
from scheduler.job import RetryStrategy

T0 = datetime(2026, 11, 24, tzinfo=UTC)


@pytest.mark.parametrize(
    ("strategy", "most_s", "waits"),
    [
        (RetryStrategy.FIXED, 0, [10, 10, 10, 10]),
        (RetryStrategy.LINEAR, 0, [10, 20, 30, 40]),
        (RetryStrategy.LINEAR, 25, [10, 20, 25, 25]),
        (RetryStrategy.EXPONENTIAL, 0, [10, 20, 40, 80]),
        (RetryStrategy.EXPONENTIAL, 50, [10, 20, 40, 50]),
    ],
)
def test_waits_grow_as_the_strategy_says(strategy, most_s, waits):
    found = [wait_s(strategy, n, interval_s=10, most_s=most_s) for n in range(1, 5)]

    assert found == waits


def test_what_failed_together_comes_apart_but_never_over_the_cap():
    def spread(part: float, most_s: int = 0) -> float:
        return wait_s(RetryStrategy.EXPONENTIAL, 3, interval_s=10, most_s=most_s, spread=part)

    assert spread(0) < spread(0.5) < spread(1) == pytest.approx(44)
    assert spread(1, most_s=42) == 42


def test_a_thousandth_attempt_still_has_a_wait():
    assert wait_s(RetryStrategy.EXPONENTIAL, 5000, interval_s=1) == 30 * 86_400


@pytest.mark.parametrize(
    ("parents", "depends_on", "cycle"),
    [
        ({}, [2], None),
        ({}, [1], (1, 1)),
        ({2: [1]}, [2], (1, 2, 1)),
        ({2: [3], 3: [1]}, [2], (1, 2, 3, 1)),
        ({2: [4], 3: [4]}, [2, 3], None),  # a diamond
        ({2: [3], 3: [2]}, [2], None),  # another's circle is not ours
    ],
)
def test_a_circle_is_found_with_its_path(parents, depends_on, cycle):
    assert find_cycle(parents, 1, depends_on) == cycle


def test_a_long_chain_is_no_circle_and_no_recursion():
    chain = {n: [n + 1] for n in range(2, 100_000)}

    assert find_cycle(chain, 1, [2]) is None


def an_end(status: str = "failed", **fields) -> dict[str, object]:
    return {
        "id": 7,
        "job_id": 1,
        "status": status,
        "ended": T0,
        "fire_time": T0 - timedelta(minutes=5),
        "scheduled_time": T0 - timedelta(hours=1),
        "origin": "cron",
        "parents": None,
        "params": "p",
        "attempt": 1,
        "first_log_id": None,
        "retry_strategy": "fixed",
        "retry_count": 2,
        "retry_interval_seconds": 30,
        "retry_max_interval_seconds": 0,
        "schedule_type": "cron",
        "interval_mode": "fixed_rate",
        "wanted": True,
    } | fields


@pytest.mark.parametrize(
    ("end", "retries", "done"),
    [
        (an_end(), 1, 0),
        (an_end("timed_out"), 1, 0),
        (an_end("interrupted"), 1, 0),
        (an_end("killed"), 0, 0),
        (an_end("discarded"), 0, 0),
        (an_end("succeeded"), 0, 0),
        (an_end(attempt=2), 1, 0),
        (an_end(attempt=3), 0, 0),
        (an_end(retry_strategy="none"), 0, 0),
        (an_end(wanted=False), 0, 0),
        (an_end(schedule_type="once"), 1, 0),
        (an_end(schedule_type="once", attempt=3), 0, 1),
        (an_end("succeeded", schedule_type="once"), 0, 1),
        (an_end("killed", schedule_type="once"), 0, 1),
    ],
)
def test_an_end_has_its_consequences(end, retries, done):
    found = consequences([end], lambda: 0)

    assert (len(found.retries), len(found.done)) == (retries, done)


def test_a_next_attempt_keeps_its_due_time_and_its_first():
    first = consequences([an_end()], lambda: 0).retries[0]
    second = consequences([an_end(id=8, attempt=2, first_log_id=7)], lambda: 0).retries[0]

    due = T0 - timedelta(hours=1)
    assert first == (1, T0 + timedelta(seconds=30), due, "p", 2, 7, "cron", None)
    assert second == (1, T0 + timedelta(seconds=30), due, "p", 3, 7, "cron", None)


DELAYED = {"schedule_type": "interval", "interval_mode": "fixed_delay", "origin": "interval"}


@pytest.mark.parametrize(
    ("end", "rested"),
    [
        (an_end("succeeded", **DELAYED), {1: T0}),
        (an_end("killed", **DELAYED), {1: T0}),
        (an_end("discarded", **DELAYED), {1: T0}),
        (an_end("failed", **DELAYED), {}),
        (an_end("failed", attempt=3, **DELAYED), {1: T0}),
        (an_end("succeeded", **DELAYED | {"origin": "dependency"}), {1: T0}),
        (an_end("succeeded", **DELAYED | {"origin": "api"}), {}),
        (an_end("succeeded", **DELAYED | {"interval_mode": "fixed_rate"}), {}),
    ],
)
def test_a_fixed_delay_counts_from_the_end_of_the_last_attempt_that_its_rule_began(end, rested):
    assert consequences([end], lambda: 0).rested == rested


@pytest.mark.parametrize(
    ("end", "told"),
    [
        (an_end(wanted=False), [(1, 7, T0 - timedelta(minutes=5))]),
        (an_end("killed", wanted=False), []),
        (an_end(attempt=3, wanted=False), []),
        (an_end(), []),
    ],
)
def test_a_chain_that_ends_because_its_job_was_stopped_is_told(end, told):
    assert consequences([end], lambda: 0).cut == told


def test_a_success_is_told():
    found = consequences([an_end("succeeded")], lambda: 0)

    assert found.successes == [(1, 7, T0, T0 - timedelta(minutes=5))]


def test_a_timer_gives_each_fire_once_and_in_order():
    timer = Timer()
    timer.add([(1, 3000), (2, 1000), (3, 2000)])
    timer.add([(2, 1000)])

    assert len(timer) == 3
    assert timer.next_ms() == 1000
    assert timer.pop_due(999, 9) == []
    assert timer.pop_due(3000, 2) == [2, 3]
    assert timer.pop_due(3000, 2) == [1]
    assert timer.next_ms() is None


def test_a_timer_gives_of_those_due_at_once_as_many_as_are_asked_for():
    timer = Timer()
    timer.add([(n, 1000) for n in range(5)])

    assert timer.pop_due(1000, 2) == [0, 1]
    timer.add([(0, 1000), (1, 500)])  # they are fired, so these are new
    assert timer.pop_due(1000, 3) == [1, 2, 3]
    assert timer.pop_due(1000, 3) == [4, 0]
    assert (len(timer), timer.next_ms()) == (0, None)
