"""Moments as consoles write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from admin_bridge.console.moments import between, clock_shown, of_millis, of_wall, on_wall

NOON = datetime(2026, 11, 24, 12, 0, 0, 400_000, UTC)
SHANGHAI = ZoneInfo("Asia/Shanghai")


@pytest.mark.parametrize(
    ("shown", "hours", "ahead"),
    [
        ("2026-11-24 12:00:01", 0, 0.6),
        ("2026-11-24 20:00:01", 8, 0.6),
        ("2026-11-24 17:45:01", 5.75, 0.6),
        ("2026-11-24 02:30:00", -9.5, -0.4),
        ("2026-11-25 02:00:30", 14, 29.6),
        ("2026-11-24 11:59:00", 0, -60.4),
    ],
)
def test_what_the_wall_shows_is_a_zone_and_an_error(shown, hours, ahead):
    clock = clock_shown(shown, NOON)

    assert clock.offset == timedelta(hours=hours)
    assert clock.ahead == timedelta(seconds=ahead)
    assert clock.zone == timezone(timedelta(hours=hours))


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-23T20:35:08.000+00:00", datetime(2026, 11, 23, 20, 35, 8, tzinfo=UTC)),
        ("2026-11-24T04:35:08.000+08:00", datetime(2026, 11, 23, 20, 35, 8, tzinfo=UTC)),
        ("2026-11-24 04:35:08", datetime(2026, 11, 23, 20, 35, 8, tzinfo=UTC)),
    ],
)
def test_a_date_with_an_offset_is_its_own_and_a_bare_one_of_the_zone(text, moment):
    assert of_wall(text, SHANGHAI) == moment
    assert of_wall(text, SHANGHAI).tzinfo is UTC


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "UTC", "America/New_York", "Asia/Kathmandu"])
def test_the_wall_shows_what_is_read_off_it(zone):
    assert of_wall(on_wall(NOON, ZoneInfo(zone)), ZoneInfo(zone)) == NOON.replace(microsecond=0)


def test_a_filter_with_one_end_has_the_other_far_away():
    later = NOON + timedelta(hours=1)

    assert between(None, None, SHANGHAI) == ""
    assert between(NOON, later, SHANGHAI) == "2026-11-24 20:00:00 - 2026-11-24 21:00:00"
    assert between(NOON, None, UTC) == "2026-11-24 12:00:00 - 2999-12-31 23:59:59"
    assert between(None, NOON, UTC) == "1970-01-02 00:00:00 - 2026-11-24 12:00:00"


def test_no_milliseconds_are_no_moment():
    assert of_millis(0) is None
    assert of_millis(1795466126195) == datetime(2026, 11, 23, 20, 35, 26, 195_000, UTC)


def test_an_end_that_the_wall_shows_twice_lies_an_hour_farther_out():
    berlin = ZoneInfo("Europe/Berlin")
    first, second = (
        datetime(2026, 10, 25, 0, 59, tzinfo=UTC),
        datetime(2026, 10, 25, 1, 30, tzinfo=UTC),
    )
    later = datetime(2026, 10, 25, 2, 0, tzinfo=UTC)

    assert between(first, later, berlin) == "2026-10-25 01:59:00 - 2026-10-25 03:00:00"
    assert between(second, second, berlin) == "2026-10-25 02:30:00 - 2026-10-25 03:30:00"
