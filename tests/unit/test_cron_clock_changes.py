"""Gaps are skipped, doubled readings run once and late: in both dialects, in several zones."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from scheduler.cron import parse

NEW_YORK, BERLIN = "America/New_York", "Europe/Berlin"
SHANGHAI, LORD_HOWE = "Asia/Shanghai", "Australia/Lord_Howe"

GAPS = [
    (NEW_YORK, "0 30 2 * * ?", "2026-03-07T12:00", ["2026-03-09T02:30-04:00"]),
    (NEW_YORK, "30 2 * * *", "2026-03-07T12:00", ["2026-03-09T02:30-04:00"]),
    (NEW_YORK, "0 0 * * * ?", "2026-03-08T00:30", ["2026-03-08T01:00-05:00", "2026-03-08T03:00-04:00"]),
    (NEW_YORK, "*/30 * * * *", "2026-03-08T01:29", ["2026-03-08T01:30-05:00", "2026-03-08T03:00-04:00"]),
    (NEW_YORK, "* * * * * ?", "2026-03-08T01:59:58", ["2026-03-08T01:59:59-05:00", "2026-03-08T03:00-04:00"]),
    (NEW_YORK, "0 30 2 8 3 ? 2026", "2026-01-01T00:00", []),
    (BERLIN, "0 30 2 * * ?", "2026-03-28T12:00", ["2026-03-30T02:30+02:00"]),
    (BERLIN, "0 15 2-3 * * ?", "2026-03-29T00:00", ["2026-03-29T03:15+02:00", "2026-03-30T02:15+02:00"]),
    (LORD_HOWE, "0 15 2 * * ?", "2026-10-03T12:00", ["2026-10-05T02:15+11:00"]),
    (LORD_HOWE, "*/15 * * * *", "2026-10-04T01:44", ["2026-10-04T01:45+10:30", "2026-10-04T02:30+11:00"]),
    ("America/St_Johns", "30 * 1 14 3 ?", "2010-03-13T12:00", ["2010-03-14T01:01:30-02:30"]),
    ("Africa/Monrovia", "* * * * * ?", "1972-01-06T23:59:58", ["1972-01-06T23:59:59-00:44:30", "1972-01-07T00:44:30+00:00"]),
    ("Pacific/Apia", "0 0 12 * * ?", "2011-12-29T11:00", ["2011-12-29T12:00-10:00", "2011-12-31T12:00+14:00"]),
    (SHANGHAI, "0 30 2 * * ?", "2026-03-07T12:00", ["2026-03-08T02:30+08:00", "2026-03-09T02:30+08:00"]),
]  # fmt: skip

OVERLAPS = [
    (NEW_YORK, "0 30 1 * * ?", "2026-10-31T12:00", ["2026-11-01T01:30-05:00", "2026-11-02T01:30-05:00"]),
    (NEW_YORK, "30 1 * * *", "2026-10-31T12:00", ["2026-11-01T01:30-05:00", "2026-11-02T01:30-05:00"]),
    (NEW_YORK, "0 0/20 * * * ?", "2026-11-01T00:30", ["2026-11-01T00:40-04:00", "2026-11-01T01:00-05:00"]),
    (NEW_YORK, "*/20 * * * *", "2026-11-01T00:40", ["2026-11-01T01:00-05:00", "2026-11-01T01:20-05:00"]),
    (BERLIN, "0 30 2 * * ?", "2026-10-24T12:00", ["2026-10-25T02:30+01:00", "2026-10-26T02:30+01:00"]),
    (BERLIN, "0 0 * * * ?", "2026-10-25T01:00", ["2026-10-25T02:00+01:00", "2026-10-25T03:00+01:00"]),
    (LORD_HOWE, "0 45 1 * * ?", "2026-04-04T12:00", ["2026-04-05T01:45+10:30", "2026-04-06T01:45+10:30"]),
    (LORD_HOWE, "0 0/15 * * * ?", "2026-04-05T01:15", ["2026-04-05T01:30+10:30", "2026-04-05T01:45+10:30"]),
    (SHANGHAI, "0 30 1 * * ?", "2026-10-31T12:00", ["2026-11-01T01:30+08:00", "2026-11-02T01:30+08:00"]),
]  # fmt: skip

FIRST_PASS = [
    ("0 0/20 * * * ?", "2026-11-01T01:05", "2026-11-01T01:20-05:00"),
    ("0 30 1 * * ?", "2026-11-01T01:29:59", "2026-11-01T01:30-05:00"),
    ("0 30 1 * * ?", "2026-11-01T01:30", "2026-11-02T01:30-05:00"),
    ("0 0/20 * * * ?", "2026-11-01T01:40", "2026-11-01T02:00-05:00"),
    ("0 30 1 * * ?", "2026-11-01T01:59:59", "2026-11-01T01:30-05:00"),
]


@pytest.mark.parametrize(("zone", "text", "after", "expected"), GAPS)
def test_a_reading_that_no_clock_shows_is_skipped(
    zone: str, text: str, after: str, expected: list[str]
) -> None:
    assert _next(zone, text, after, len(expected) or 1) == list(map(_normal, expected))


@pytest.mark.parametrize(("zone", "text", "after", "expected"), OVERLAPS)
def test_a_reading_shown_twice_is_due_once_and_at_its_second_occurrence(
    zone: str, text: str, after: str, expected: list[str]
) -> None:
    assert _next(zone, text, after, len(expected)) == list(map(_normal, expected))


@pytest.mark.parametrize(("text", "after", "expected"), FIRST_PASS)
def test_in_the_first_pass_what_the_clock_showed_counts_as_used(
    text: str, after: str, expected: str
) -> None:
    assert _next(NEW_YORK, text, after, 1) == [_normal(expected)]


def test_a_moment_in_the_second_pass_goes_on_in_the_second_pass() -> None:
    moment = datetime(2026, 11, 1, 1, 5, tzinfo=ZoneInfo(NEW_YORK), fold=1)

    found = parse("0 0/20 * * * ?").next_after(moment)

    assert found is not None
    assert found.isoformat() == "2026-11-01T01:20:00-05:00"


@pytest.mark.parametrize(("fold", "expected"), [(0, "03:45:00-04:00"), (1, "01:45:00-05:00")])
def test_a_moment_on_a_reading_that_no_clock_shows_counts_as_its_instant(
    fold: int, expected: str
) -> None:
    moment = datetime(2026, 3, 8, 2, 30, tzinfo=ZoneInfo(NEW_YORK), fold=fold)

    found = parse("0 0/15 * * * ?").next_after(moment)

    assert found is not None
    assert found.isoformat() == f"2026-03-08T{expected}"


@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=5, minutes=45)), ZoneInfo(BERLIN)])
def test_the_next_time_is_in_the_zone_of_the_moment(zone: ZoneInfo) -> None:
    found = parse("0 0 12 * * ?").next_after(datetime(2026, 6, 1, tzinfo=zone))

    assert found == datetime(2026, 6, 1, 12, tzinfo=zone)
    assert found.tzinfo is zone


@pytest.mark.parametrize(
    ("name", "year"),
    [("Africa/Cairo", 2010), ("America/Recife", 2000), ("Asia/Gaza", 2040), (LORD_HOWE, 2026)],
)
def test_every_half_hour_of_a_year_is_due_once_at_its_last_showing(name: str, year: int) -> None:
    """In the first three years clocks changed there and back within a month, once within a week."""
    zone = ZoneInfo(name)
    start = datetime(year - 1, 12, 31, 12, tzinfo=UTC)
    halves = (start + count * timedelta(minutes=30) for count in range(2 * 24 * 368))
    shown = {half.astimezone(zone).replace(tzinfo=None, fold=0): half for half in halves}

    times = parse("0 0/30 * * * ?").next_times(start.astimezone(zone), len(shown) - 100)

    instants = sorted(shown.values())
    assert [time.astimezone(UTC) for time in times] == instants[1 : len(times) + 1]


def _next(zone: str, text: str, after: str, count: int) -> list[str]:
    moment = datetime.fromisoformat(after).replace(tzinfo=ZoneInfo(zone))
    return [time.isoformat() for time in parse(text).next_times(moment, count)]


def _normal(text: str) -> str:
    return datetime.fromisoformat(text).isoformat()
