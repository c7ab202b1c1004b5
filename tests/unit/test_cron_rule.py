from __future__ import annotations

import pickle
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

import pytest

from scheduler.cron import Rule, parse

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
NIGHTLY = "0 0 3 * * ?"


def test_a_rule_is_its_text() -> None:
    rule = parse("  0 0 3 * *\t?  ")

    assert rule.text == str(rule) == "  0 0 3 * *\t?  "
    assert rule.next_after(NOON) == parse(NIGHTLY).next_after(NOON)


@pytest.mark.parametrize(
    "text", [f"{NIGHTLY}\n", f"\n{NIGHTLY}", f"{NIGHTLY} \r\n", "0 0\x0b 3 * * ?"]
)
def test_what_the_reference_trims_off_a_field_does_not_count(text: str) -> None:
    assert parse(text).next_after(NOON) == parse(NIGHTLY).next_after(NOON)


@pytest.mark.parametrize("years", ["2030/3000", "2030/2127", "2030-2030"])
def test_a_step_of_years_may_lead_beyond_them(years: str) -> None:
    assert parse(f"0 0 0 1 1 ? {years}").next_times(NOON, 2) == [datetime(2030, 1, 1, tzinfo=UTC)]


class Unhashable(tzinfo):
    """As dateutil's zones are."""

    __hash__ = None  # type: ignore[assignment]

    def utcoffset(self, _: datetime | None) -> timedelta:
        return timedelta(hours=8)

    def dst(self, _: datetime | None) -> timedelta:
        return timedelta()

    def tzname(self, _: datetime | None) -> str:
        return "+08:00"


def test_a_zone_that_cannot_be_hashed_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot be hashed"):
        parse(NIGHTLY).next_after(datetime(2026, 1, 1, 12, tzinfo=Unhashable()))


def test_rules_of_one_text_are_equal_and_of_different_texts_are_not() -> None:
    parse.cache_clear()
    first = parse(NIGHTLY)
    parse.cache_clear()

    assert first == parse(NIGHTLY)
    assert len({first, parse(NIGHTLY), parse("0 0 4 * * ?")}) == 2


def test_a_rule_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        parse(NIGHTLY).text = "other"  # type: ignore[misc]


@pytest.mark.parametrize("text", [NIGHTLY, "0 9 * * mon-fri", "0 0 12 ? * FRI#5 2030-2040/2"])
def test_a_rule_survives_pickling(text: str) -> None:
    rule = parse(text)

    copy = pickle.loads(pickle.dumps(rule))

    assert isinstance(copy, Rule)
    assert copy == rule
    assert copy.next_times(NOON, 5) == rule.next_times(NOON, 5)


def test_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="without a zone"):
        parse(NIGHTLY).next_after(NOON.replace(tzinfo=None))


def test_fractions_of_a_second_are_dropped() -> None:
    moment = NOON + timedelta(microseconds=999_999)

    assert parse("* * * * * ?").next_after(moment) == NOON + timedelta(seconds=1)


@pytest.mark.parametrize(
    "zone", [UTC, ZoneInfo("Pacific/Kiritimati"), ZoneInfo("America/New_York")]
)
@pytest.mark.parametrize("moment", [datetime.min, datetime(1969, 12, 31, 23, 59, 59)])  # noqa: DTZ001, DTZ901
def test_nothing_is_due_before_1970(moment: datetime, zone: ZoneInfo) -> None:
    found = parse("* * * * * ?").next_after(moment.replace(tzinfo=zone))

    assert found == datetime(1970, 1, 1, tzinfo=zone)


@pytest.mark.parametrize(
    "zone", [UTC, ZoneInfo("Pacific/Kiritimati"), ZoneInfo("America/New_York")]
)
@pytest.mark.parametrize("moment", [datetime.max, datetime(2126, 12, 31, 23, 59, 59)])  # noqa: DTZ001, DTZ901
def test_nothing_is_due_after_2126(moment: datetime, zone: ZoneInfo) -> None:
    assert parse("* * * * * ?").next_after(moment.replace(tzinfo=zone)) is None


def test_the_last_second_of_2126_is_due() -> None:
    found = parse("59 59 23 31 12 ?").next_after(datetime(2125, 12, 31, 23, 59, 59, tzinfo=UTC))

    assert found == datetime(2126, 12, 31, 23, 59, 59, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    ["0 0 0 30 2 ?", "0 0 0 31 4,6,9,11 ?", "0 0 0 31W 4 ?", "0 0 0 L-30 4 ?", "0 0 0 29 2 ? 2027",
     "0 0 0 1 1 ? 2020", "0 0 0 ? * * 2127-2200", "0 0 31 2 *"],
)  # fmt: skip
def test_a_rule_that_is_never_due_says_so(text: str) -> None:
    assert parse(text).next_after(NOON) is None
    assert parse(text).next_times(NOON, 3) == []


def test_there_may_be_fewer_next_times_than_asked_for() -> None:
    assert len(parse("0 0 0 1 1 ? 2027-2029").next_times(NOON, 5)) == 3
