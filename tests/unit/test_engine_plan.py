from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.engine.calendars import Calendar
from scheduler.engine.plan import MOST_MADE_UP, first_time, plan
from scheduler.engine.rules import BadSchedule
from scheduler.job import HolidayPolicy, IntervalMode, Job, MisfirePolicy, ScheduleType

T0 = datetime(2026, 3, 2, 9, tzinfo=UTC)
AHEAD = timedelta(seconds=3)


def s(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def every(seconds: int, **fields) -> Job:
    return Job(
        name="a",
        schedule_type=ScheduleType.INTERVAL,
        interval_seconds=seconds,
        **{"next_run_time": T0, **fields},
    )


def cron(expression: str, **fields) -> Job:
    return Job(name="a", schedule_type=ScheduleType.CRON, cron_expression=expression, **fields)


def once(at: datetime, **fields) -> Job:
    return Job(name="a", schedule_type=ScheduleType.ONCE, run_at=at, next_run_time=at, **fields)


def seconds_of(plans) -> tuple[list[tuple[float, float]], float | None]:
    """When fired and when due, and the next time, as seconds from T0."""
    fires = [((f.at - T0).total_seconds(), (f.scheduled - T0).total_seconds()) for f in plans.fires]
    following = plans.next_run_time
    return fires, None if following is None else (following - T0).total_seconds()


PLANS = {
    "it is not due yet": (every(10), s(-5), [], 0),
    "it is planned ahead": (every(10), s(-3), [(0, 0)], 10),
    "all within the look ahead": (every(1), s(-3), [(0, 0)], 1),
    "several within the look ahead": (every(1), s(0), [(0, 0), (1, 1), (2, 2), (3, 3)], 4),
    "a bit late is not missed": (every(60), s(4.9), [(0, 0)], 60),
    "once": (once(T0), s(-1), [(0, 0)], None),
    "one missed time": (every(60), s(10), [(10, 0)], 60),
    "many missed times are fired once": (every(60), s(310), [(310, 0)], 360),
    "many missed times are skipped": (
        every(60, misfire_policy=MisfirePolicy.SKIP),
        s(310),
        [],
        360,
    ),
    "all missed times are fired": (
        every(60, misfire_policy=MisfirePolicy.FIRE_ALL),
        s(130),
        [(130, 0), (130, 60), (130, 120)],
        180,
    ),
    "what is due now is no missed time": (
        every(60, misfire_policy=MisfirePolicy.SKIP),
        s(302),
        [(300, 300)],
        360,
    ),
    "a missed moment is made up": (once(T0), s(9000), [(9000, 0)], None),
    "a missed moment is skipped": (
        once(T0, misfire_policy=MisfirePolicy.SKIP),
        s(9000),
        [],
        None,
    ),
    "nothing is due": (every(60, next_run_time=None), s(0), [], None),
}


DELAYED_PLANS = {
    "it is not due yet": (MisfirePolicy.FIRE_ONCE, s(-5), [], 0, None),
    "one at a time, whatever comes soon": (MisfirePolicy.FIRE_ALL, s(0), [(0, 0)], None, None),
    "a missed time is made up": (MisfirePolicy.FIRE_ONCE, s(310), [(310, 0)], None, None),
    "none was due beside it": (MisfirePolicy.FIRE_ALL, s(310), [(310, 0)], None, None),
    "a missed time is skipped": (MisfirePolicy.SKIP, s(310), [], 311, T0),
}


@pytest.mark.parametrize("case", DELAYED_PLANS)
def test_a_fixed_delay_is_planned_once_until_its_run_has_ended(case):
    policy, now, fires, following, lost = DELAYED_PLANS[case]
    job = every(1, interval_mode=IntervalMode.FIXED_DELAY, misfire_policy=policy)

    plans = plan(job, now, ahead=AHEAD)

    assert seconds_of(plans) == (fires, following), case
    assert plans.lost == lost


@pytest.mark.parametrize("case", PLANS)
def test_a_job_is_planned(case):
    job, now, fires, following = PLANS[case]

    assert seconds_of(plan(job, now, ahead=AHEAD)) == (fires, following), case


def test_making_up_has_a_bound():
    job = every(1, misfire_policy=MisfirePolicy.FIRE_ALL)

    plans = plan(job, s(86_400))

    missed = [fire for fire in plans.fires if fire.scheduled <= s(86_400 - 5)]
    assert [fire.scheduled for fire in missed] == [s(n) for n in range(MOST_MADE_UP)]
    assert plans.next_run_time == s(86_401)


def test_years_of_downtime_cost_no_time():
    job = cron("* * * * * ?", next_run_time=datetime(1990, 1, 1, tzinfo=UTC))

    plans = plan(job, T0)

    assert seconds_of(plans)[1] == 1
    assert len(plans.fires) == 1


@given(
    period=st.integers(1, 5000),
    late=st.integers(0, 10_000_000),
    policy=st.sampled_from(MisfirePolicy),
)
def test_an_interval_keeps_its_anchor(period, late, policy):
    now = s(late)

    plans = plan(every(period, misfire_policy=policy), now, ahead=AHEAD)

    assert plans.next_run_time is not None
    assert (plans.next_run_time - T0) % timedelta(seconds=period) == timedelta(0)
    assert plans.next_run_time > now
    assert all((f.scheduled - T0) % timedelta(seconds=period) == timedelta(0) for f in plans.fires)


@given(st.lists(st.integers(0, 20), min_size=1, max_size=40), st.sampled_from(MisfirePolicy))
def test_planning_again_and_again_gives_each_time_once_and_in_order(steps, policy):
    job, now, due = every(3, misfire_policy=policy), T0, []
    for step in steps:
        now += timedelta(seconds=step)
        plans = plan(job, now, ahead=AHEAD)
        due += [fire.scheduled for fire in plans.fires]
        job = every(3, misfire_policy=policy, next_run_time=plans.next_run_time)

    assert due == sorted(set(due))
    if policy is MisfirePolicy.FIRE_ALL and due:
        assert due == [s(3 * n) for n in range(len(due))]


NEW_YORK = ZoneInfo("America/New_York")


def in_new_york(month: int, day: int, hour: int, minute: int) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=NEW_YORK).astimezone(UTC)


def test_a_time_that_no_clock_shows_is_left_out():
    job = cron(
        "0 30 2 * * ?",
        timezone="America/New_York",
        next_run_time=in_new_york(3, 7, 2, 30),
    )

    plans = plan(job, in_new_york(3, 7, 2, 30))

    assert plans.next_run_time == in_new_york(3, 9, 2, 30)


def test_an_hour_that_comes_twice_fires_once():
    first = in_new_york(11, 1, 0, 40)
    job = cron("0 0/20 * * * ?", timezone="America/New_York", next_run_time=first)

    plans = plan(job, first, ahead=timedelta(hours=2, minutes=40))

    assert [fire.at - first for fire in plans.fires] == [
        timedelta(minutes=minutes) for minutes in (0, 80, 100, 120, 140, 160)
    ]


def test_a_misfire_within_the_hour_that_comes_twice_is_seen():
    due = in_new_york(11, 1, 1, 30)  # the first 01:30
    job = every(86_400, timezone="America/New_York", next_run_time=due)

    plans = plan(job, due + timedelta(minutes=60))  # the second one

    assert plans.misfired


@pytest.mark.parametrize(
    ("job", "reason"),
    [
        (cron("often"), "the cron expression 'often' cannot be read"),
        (cron("* * * * * ?", timezone="Mars/Olympus"), "no time zone 'Mars/Olympus'"),
        (cron("* * * * * ?", timezone="../etc/passwd"), "no time zone"),
        (every(0), "above 0"),
        (every(5, calendar_name="lost"), "no calendar 'lost'"),
        (Job(name="a", schedule_type=ScheduleType.ONCE, next_run_time=T0), "needs its time"),
    ],
)
def test_a_job_that_cannot_be_planned_says_why(job, reason):
    with pytest.raises(BadSchedule, match=reason):
        plan(job, T0)


@pytest.mark.parametrize(
    ("job", "first"),
    [
        (every(60, next_run_time=None), s(60)),
        (cron("0 0 12 * * ?"), s(3 * 3600)),
        (once(s(-5)), None),
        (once(s(5)), s(5)),
        (Job(name="a"), None),
        (cron("0 0 0 30 2 ?"), None),
    ],
)
def test_a_job_that_is_started_is_due_first(job, first):
    assert first_time(job, T0) == first


@pytest.mark.parametrize(
    ("policy", "late_s", "lost_s"),
    [
        (MisfirePolicy.SKIP, 4, None),
        (MisfirePolicy.SKIP, 6, 0),
        (MisfirePolicy.FIRE_ONCE, 6, None),
        (MisfirePolicy.FIRE_ONCE, 66, 60),
        (MisfirePolicy.FIRE_ALL, 6000, None),
        (MisfirePolicy.FIRE_ALL, 6006, 6000),
    ],
)
def test_the_first_time_that_nothing_makes_up_is_told(policy, late_s, lost_s):
    plans = plan(every(60, misfire_policy=policy), T0 + timedelta(seconds=late_s), ahead=AHEAD)

    assert plans.lost == (None if lost_s is None else T0 + timedelta(seconds=lost_s))


@pytest.mark.parametrize(
    ("policy", "days"),
    [(HolidayPolicy.SHIFT_AFTER, 1), (HolidayPolicy.SHIFT_BEFORE, -2), (HolidayPolicy.SKIP, None)],
)
def test_a_moment_on_a_day_off_is_due_once_on_the_day_to_which_it_is_moved(policy, days):
    sunday = T0 - timedelta(days=1)
    weekdays = Calendar(name="weekdays")
    job = once(sunday, calendar_name="weekdays", holiday_policy=policy)

    first = first_time(job, sunday - timedelta(days=5), calendar=weekdays)

    assert first == (None if days is None else sunday + timedelta(days=days))
    if first is not None:
        plans = plan(replace(job, next_run_time=first), first, ahead=AHEAD, calendar=weekdays)
        assert [fire.scheduled for fire in plans.fires] == [first]
        assert plans.next_run_time is None
