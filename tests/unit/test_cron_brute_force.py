from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given, settings

from scheduler.cron import parse
from tests.unit.cron_oracle import MEANINGS, MOMENTS, Meaning

SPAN = 800
"""Days that the second opinion looks ahead."""


@settings(max_examples=400, deadline=None)
@given(MEANINGS, MOMENTS)
def test_the_next_times_are_those_found_day_by_day(meaning: Meaning, moment: datetime) -> None:
    rule = parse(meaning.text)
    for _ in range(3):
        found, expected = rule.next_after(moment), meaning.after(moment, SPAN)
        if expected is None:
            assert found is None or (found - moment).days >= SPAN - 2
            return
        assert found is not None
        assert found.astimezone(UTC) == expected
        assert found.tzinfo is moment.tzinfo
        moment = found


@settings(max_examples=300, deadline=None)
@given(MEANINGS, MOMENTS)
def test_the_next_time_is_later_in_real_time(meaning: Meaning, moment: datetime) -> None:
    found = parse(meaning.text).next_after(moment)

    assert found is None or found.astimezone(UTC) > moment.astimezone(UTC)


@settings(max_examples=300, deadline=None)
@given(MEANINGS, MOMENTS, MOMENTS)
def test_a_later_moment_has_no_earlier_next_time(
    meaning: Meaning, one: datetime, other: datetime
) -> None:
    rule = parse(meaning.text)
    other = other.astimezone(one.tzinfo)
    earlier, later = sorted(map(_after_its_first_pass, (one, other)), key=_instant)

    first, second = rule.next_after(earlier), rule.next_after(later)

    assert second is None or (first is not None and _instant(first) <= _instant(second))


def _after_its_first_pass(moment: datetime) -> datetime:
    """In the first pass of a doubled hour the clock counts, not the time: moved to the second."""
    return moment.replace(fold=1)


def _instant(moment: datetime) -> datetime:
    return moment.astimezone(UTC)
