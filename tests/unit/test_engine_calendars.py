from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.cron import parse
from scheduler.engine.calendars import Calendar, OnWorkingDays, Rule
from scheduler.engine.plan import first_time, plan
from scheduler.engine.rules import Every
from scheduler.job import HolidayPolicy, Job, ScheduleType

ALL = frozenset(range(1, 8))
SHANGHAI = ZoneInfo("Asia/Shanghai")
CHINA = Calendar(
    name="china",
    closing_days=frozenset(date(2026, 10, day) for day in range(1, 8)),
    make_up_days=frozenset({date(2026, 9, 27), date(2026, 10, 10)}),
)
"""The National Day holiday of 2026: seven days off, and two weekend days made up for."""


def times(cron: str, policy: HolidayPolicy, after: datetime, count: int) -> list[str]:
    rule = OnWorkingDays(parse(cron), CHINA, policy)
    found: list[str] = []
    moment: datetime | None = after
    while len(found) < count and moment is not None:
        moment = rule.next_after(moment)
        found += [f"{moment:%m-%d %H:%M}"] if moment is not None else []
    return found


AFTER = datetime(2026, 9, 25, 12, tzinfo=SHANGHAI)  # a Friday


@pytest.mark.parametrize(
    ("cron", "policy", "expected"),
    [
        (
            "0 0 9 * * ?",
            HolidayPolicy.SKIP,
            ["09-27 09:00", "09-28 09:00", "09-29 09:00", "09-30 09:00", "10-08 09:00"],
        ),
        # what falls together by shifting is one
        ("0 0 9 1-5 10 ?", HolidayPolicy.SHIFT_BEFORE, ["09-30 09:00"]),
        ("0 0 9 1-5 10 ?", HolidayPolicy.SHIFT_AFTER, ["10-08 09:00"]),
        (
            "0 0 9,18 7,9 10 ?",
            HolidayPolicy.SHIFT_AFTER,
            ["10-08 09:00", "10-08 18:00", "10-09 09:00"],
        ),
        ("0 0 9,18 1 10 ?", HolidayPolicy.SHIFT_BEFORE, ["09-30 09:00", "09-30 18:00"]),
        # a made-up Sunday is a working day for every policy
        ("0 0 9 27 9 ?", HolidayPolicy.SHIFT_AFTER, ["09-27 09:00"]),
        # the shifted one joins those of its new day, in order
        ("0 0 12 8 10 ?", HolidayPolicy.SHIFT_AFTER, ["10-08 12:00"]),
        ("0 0 9 3 10 ? 2026", HolidayPolicy.SKIP, []),
    ],
)
def test_a_holiday_skips_or_shifts(cron, policy, expected):
    assert times(cron, policy, AFTER, max(len(expected), 1))[: len(expected)] == expected
    if not expected:
        assert times(cron, policy, AFTER, 1) == []


def brute(cron: str, calendar: Calendar, policy: HolidayPolicy, after: datetime) -> list[datetime]:
    """The due times by looking at each time of the rule."""
    rule, moment = parse(cron), after - timedelta(days=60)
    found: set[datetime] = set()
    while (due := rule.next_after(moment)) is not None and due < after + timedelta(days=90):
        moment = due
        day = calendar.target(due.date(), policy)
        if day is not None:
            found.add(datetime.combine(day, due.time(), tzinfo=UTC))
    return sorted(one for one in found if one > after)


days = st.dates(date(2026, 1, 1), date(2026, 6, 30))


@given(
    st.sampled_from(
        ["0 0 9 * * ?", "0 30 8,17 ? * MON,SAT", "0 0 0 L * ?", "0 0 7 1,15 * ?", "0 0 0/6 ? * SUN"]
    ),
    st.builds(
        Calendar,
        name=st.just("any"),
        working_weekdays=st.frozensets(st.integers(1, 7), min_size=1),
        closing_days=st.frozensets(days, max_size=40),
        make_up_days=st.frozensets(days, max_size=10),
    ),
    st.sampled_from(HolidayPolicy),
    st.datetimes(datetime(2026, 2, 1), datetime(2026, 4, 1), timezones=st.just(UTC)),  # noqa: DTZ001
)
def test_it_gives_what_a_search_through_all_times_gives(cron, calendar, policy, after):
    rule = OnWorkingDays(parse(cron), calendar, policy)
    after = after.replace(microsecond=0)

    def walk(moment: datetime) -> Iterator[datetime]:
        while (following := rule.next_after(moment)) is not None:
            yield (moment := following)

    expected = brute(cron, calendar, policy, after)[:6]
    assert list(islice(walk(after), len(expected))) == expected


def test_a_calendar_without_working_days_ends_the_search():
    never = Calendar(name="never", working_weekdays=frozenset())

    for policy in HolidayPolicy:
        rule = OnWorkingDays(parse("0 0 9 * * ?"), never, policy)
        assert rule.next_after(datetime.combine(date(2026, 1, 1), time(), tzinfo=UTC)) is None


@pytest.mark.parametrize("policy", list(HolidayPolicy))
def test_an_interval_goes_on_when_the_clock_goes_back(policy):
    start = datetime(2026, 11, 1, 4, 50, tzinfo=UTC)  # 00:50 in New York, an hour before
    rule = OnWorkingDays(Every(start, 1800), Calendar(name="all", working_weekdays=ALL), policy)

    assert utc_times(rule, start, 6, "America/New_York") == [
        start + timedelta(seconds=1800 * n) for n in range(1, 7)
    ]


@pytest.mark.parametrize(
    "rule", [Every(datetime(2026, 10, 28, tzinfo=UTC), 600), parse("0 0/10 * * * ?")]
)
def test_a_day_off_whose_last_hour_comes_twice_ends_after_both(rule):
    """In Cairo the clock goes back at the midnight after that Thursday."""
    thursday_off = Calendar(
        name="c", working_weekdays=ALL, closing_days=frozenset({date(2026, 10, 29)})
    )
    wednesday = datetime(2026, 10, 28, 20, 55, tzinfo=UTC)  # 23:55

    (following,) = utc_times(
        OnWorkingDays(rule, thursday_off, HolidayPolicy.SKIP), wednesday, 1, "Africa/Cairo"
    )

    assert following == datetime(2026, 10, 29, 22, 0, tzinfo=UTC)


def test_what_is_moved_to_the_day_of_a_doubled_hour_falls_together_with_what_is_due_there():
    saturday_off = Calendar(
        name="c", working_weekdays=ALL, closing_days=frozenset({date(2026, 10, 31)})
    )
    rule = OnWorkingDays(parse("0 30 1 * * ?"), saturday_off, HolidayPolicy.SHIFT_AFTER)
    friday = datetime(2026, 10, 30, 12, tzinfo=UTC)

    assert utc_times(rule, friday, 2, "America/New_York") == [
        datetime(2026, 11, 1, 6, 30, tzinfo=UTC),  # the second 01:30, as without a calendar
        datetime(2026, 11, 2, 6, 30, tzinfo=UTC),
    ]


@pytest.mark.parametrize("seconds", [420, 3600, 86_400, 90_000])
@pytest.mark.parametrize("policy", [HolidayPolicy.SHIFT_BEFORE, HolidayPolicy.SHIFT_AFTER])
def test_a_day_on_which_an_interval_is_due_takes_in_what_is_moved_to_it(policy, seconds):
    """Its weekend has another phase, by the clock or by summer time: it would run again and again."""
    thursday = datetime(2026, 3, 5, 17, 0, tzinfo=UTC)
    job = Job(
        name="a job",
        schedule_type=ScheduleType.INTERVAL,
        interval_seconds=seconds,
        timezone="America/New_York",
        calendar_name="office",
        holiday_policy=policy,
        next_run_time=thursday,
    )
    due = [thursday]
    while due[-1] < thursday + timedelta(days=6):
        following = plan(job, due[-1], calendar=Calendar(name="office")).next_run_time
        assert following is not None
        job = replace(job, next_run_time=following)
        due.append(following)

    assert min(late - early for early, late in pairwise(due)) == timedelta(seconds=seconds)


def test_an_interval_of_weeks_is_moved_to_the_working_day_beside_it():
    sunday = datetime(2026, 3, 1, 17, 0, tzinfo=UTC)
    job = Job(
        name="a job",
        schedule_type=ScheduleType.INTERVAL,
        interval_seconds=7 * 86_400,
        calendar_name="office",
        holiday_policy=HolidayPolicy.SHIFT_BEFORE,
        next_run_time=sunday,
    )

    assert first_time(job, sunday, calendar=Calendar(name="office")) == sunday + timedelta(days=5)


def utc_times(rule: Rule, start: datetime, count: int, zone: str) -> list[datetime]:
    """The next times of a rule that is read in *zone*, as the engine asks for them."""
    times: list[datetime] = []
    while len(times) < count and (due := rule.next_after(start.astimezone(ZoneInfo(zone)))):
        times.append(start := due.astimezone(UTC))
    return times
