"""No expression takes long: shown by the lines of code that run, which no busy machine changes."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import datetime
from types import FrameType
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings

from scheduler.cron import parse
from tests.unit.cron_oracle import MEANINGS, MOMENTS, Meaning

MOST = 10_000
"""Lines; at 0.2 µs each, 2 ms."""

WORST = [
    ("0 0 0 30 2 ?", "UTC"),
    ("0 0 0 31 2,4,6,9,11 ?", "UTC"),
    ("0 0 0 31W 4 ?", "UTC"),
    ("0 0 0 ? 2 FRI#5 2033-2063", "UTC"),
    ("0 0 0 1 1 ? 1971", "UTC"),
    ("59 59 23 31 12 ? 2126", "UTC"),
    ("0 30 2 ? 3 1#2", "America/New_York"),  # only ever in the gap
    ("* * 2 ? 3 1#2", "America/New_York"),
    ("* * 2 ? 3 1L", "Europe/Berlin"),
    ("0 0 31 2 *", "UTC"),
]


@pytest.mark.parametrize(("text", "zone"), WORST)
def test_a_search_through_a_century_is_short(text: str, zone: str) -> None:
    rule, moment = parse(text), datetime(2026, 3, 9, tzinfo=ZoneInfo(zone))

    assert 10 < lines_run(lambda: rule.next_after(moment)) < MOST


def test_a_gap_of_a_day_is_left_at_once() -> None:
    moment = datetime(2011, 12, 29, 23, 59, 59, tzinfo=ZoneInfo("Pacific/Apia"))
    rule = parse("* * * * * ?")

    assert lines_run(lambda: rule.next_after(moment)) < 200


@settings(max_examples=200, deadline=None)
@given(MEANINGS, MOMENTS)
def test_no_search_is_long(meaning: Meaning, moment: datetime) -> None:
    rule = parse(meaning.text)

    assert lines_run(lambda: rule.next_after(moment)) < MOST


def lines_run(work: Callable[[], object]) -> int:
    """How many lines of the code under test *work* runs."""
    count = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal count
        if "/scheduler/cron/" not in frame.f_code.co_filename:
            return None
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return count
