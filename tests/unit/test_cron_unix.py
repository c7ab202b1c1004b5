from __future__ import annotations

from datetime import UTC, datetime

import pytest
from croniter import CroniterBadDateError, croniter
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from scheduler.cron import parse

WEEKDAYS = ["sun", "MON", "tue", "wed", "thu", "Fri", "sat"]
MONTHS = ["jan", "feb", "MAR", "apr", "may", "jun", "jul", "aug", "sep", "Oct", "nov", "dec"]
START = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)  # a Thursday

EXAMPLES = [
    ("*/15 * * * *", ["01-01T12:15", "01-01T12:30", "01-01T12:45", "01-01T13:00"]),
    ("5,35 8-10/2 * * *", ["01-02T08:05", "01-02T08:35", "01-02T10:05", "01-02T10:35"]),
    ("0 9 * * 1-5", ["01-02T09:00", "01-05T09:00"]),
    ("0 9 * * mon-FRI", ["01-02T09:00", "01-05T09:00"]),
    ("0 0 * * 0", ["01-04T00:00", "01-11T00:00"]),
    ("0 0 * * 7", ["01-04T00:00", "01-11T00:00"]),
    ("0 0 * * 5-7", ["01-02T00:00", "01-03T00:00", "01-04T00:00", "01-09T00:00"]),
    ("0 0 13 * fri", ["01-02T00:00", "01-09T00:00", "01-13T00:00", "01-16T00:00"]),
    ("0 0 13 * *", ["01-13T00:00", "02-13T00:00"]),
    ("0 0 31 2-4 *", ["03-31T00:00"]),
    ("0 0 1 jan,JUL *", ["07-01T00:00"]),
    ("@hourly", ["01-01T13:00", "01-01T14:00"]),
    ("@Daily", ["01-02T00:00", "01-03T00:00"]),
    ("@midnight", ["01-02T00:00"]),
    (" @weekly ", ["01-04T00:00", "01-11T00:00"]),
    ("@monthly", ["02-01T00:00", "03-01T00:00"]),
]

REFUSALS = [
    ("60 * * * *", "minute: 60 is not within 0-59"),
    ("* 24 * * *", "hour: 24 is not within 0-23"),
    ("* * 0 * *", "day of month: 0 is not within 1-31"),
    ("* * * 13 *", "month: 13 is not within 1-12"),
    ("* * * * 8", "day of week: 8 is not within 0-7"),
    ("* * * foo *", "month: 'FOO' is none of JAN"),
    ("*/0 * * * *", "minute: a step is at least 1"),
    ("22-2 * * * *", "minute: '22-2' does not ascend"),
    ("* * * * 5-5", "day of week: '5-5' does not ascend"),
    ("1,,2 * * * *", "minute: '' is not understood"),
    ("* * L * *", "day of month: 'L' is not understood"),
    ("* * 15W * *", "day of month: '15W' is not understood"),
    ("* * ? * 1", r"day of month: '\?' is not understood"),
    ("* * * * 5#2", "day of week: '5#2' is not understood"),
    ("H * * * *", "minute: 'H' is not understood"),
    ("R * * * *", "minute: 'R' is not understood"),
    ("@reboot", "'@reboot' is no alias; known are @yearly"),
    ("@daily * * * *", "'@daily . . . .' is no alias"),
]


@pytest.mark.parametrize(("text", "expected"), EXAMPLES)
def test_a_crontab_line_is_due_when_crontab_says(text: str, expected: list[str]) -> None:
    times = parse(text).next_times(START, len(expected))

    assert [time.strftime("%m-%dT%H:%M") for time in times] == expected


@pytest.mark.parametrize(("text", "sentence"), REFUSALS)
def test_what_crontab_does_not_have_is_refused_by_field_and_rule(text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=f"^{sentence}"):
        parse(text)


def _field(low: int, high: int, names: list[str]) -> st.SearchStrategy[str]:
    value = st.integers(low, high)
    item = st.one_of(
        st.just("*"),
        value.map(str),
        st.integers(1, high).map(lambda step: f"*/{step}"),
        st.tuples(value, value, st.integers(1, 9)).filter(lambda of: of[0] < of[1]).map("{0[0]}-{0[1]}/{0[2]}".format),
        st.tuples(value, value).filter(lambda of: of[0] < of[1]).map("{0[0]}-{0[1]}".format),
        *([st.sampled_from(names)] if names else []),
    )  # fmt: skip
    return st.lists(item, min_size=1, max_size=3).map(",".join)


LINES = st.tuples(
    _field(0, 59, []), _field(0, 23, []), _field(1, 31, []), _field(1, 12, MONTHS), _field(0, 7, WEEKDAYS)
).map(" ".join)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(LINES, st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1)))  # noqa: DTZ001
def test_it_agrees_with_croniter_where_clocks_do_not_change(text: str, start: datetime) -> None:
    moment = start.replace(tzinfo=UTC)
    theirs = croniter(text, moment)
    for _ in range(3):
        try:
            expected = theirs.get_next(datetime)
        except CroniterBadDateError:
            assume(False)
        found = parse(text).next_after(moment)
        assert found == expected
        moment = expected
