from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from scheduler.alarms.model import IN_SITE, Alarm, AlarmType, Level, Purpose
from scheduler.alarms.routing import People, Routed, Router
from scheduler.alarms.rule import GroupBy, Quiet, Rule, Rules, Target

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
WAIT, WINDOW = timedelta(seconds=1), timedelta(minutes=5)
MAIL = Target("mail", "ops@example.com")
PEOPLE = People({"admin": ["ann"], "operator": ["otto", "olga"], "viewer": ["vera"]})


def alarm(**changes: Any) -> Alarm:
    made = Alarm(
        type=AlarmType.FAILURE,
        level=Level.ERROR,
        title="it has failed",
        dedup_key="chain/1",
        key="failure/job:7",
        job_id=7,
        job_group="stock",
    )
    return replace(made, **changes)


def route(*rules: Rule, told: dict[str, datetime] | None = None, **changes: Any) -> Routed:
    router = Router(rules=Rules.of(rules), people=PEOPLE, wait=WAIT, window=WINDOW)
    (routed,) = router.route([alarm(**changes)], told or {}, NOW)
    return routed


def receivers(routed: Routed) -> list[tuple[str, str]]:
    return [(send.slot.channel, send.slot.receiver) for send in routed.sends]


def test_without_a_rule_everybody_who_acts_gets_a_message() -> None:
    routed = route()

    assert sorted(receivers(routed)) == [(IN_SITE, "ann"), (IN_SITE, "olga"), (IN_SITE, "otto")]
    assert routed.rule == ""
    assert not routed.suppressed


def test_a_rule_that_matches_takes_the_place_of_the_default() -> None:
    routed = route(Rule(name="ops", job_group="stock", targets=(MAIL,)))

    assert receivers(routed) == [("mail", "ops@example.com")]
    assert routed.rule == "ops"


@pytest.mark.parametrize(
    "rule",
    [
        Rule(name="r", job_id=8, targets=(MAIL,)),
        Rule(name="r", job_group="sales", targets=(MAIL,)),
        Rule(name="r", types=frozenset({AlarmType.TIMEOUT}), targets=(MAIL,)),
        Rule(name="r", min_level=Level.CRITICAL, targets=(MAIL,)),
    ],
    ids=["job", "group", "type", "level"],
)
def test_a_rule_for_others_does_not_take_it(rule: Rule) -> None:
    assert {channel for channel, _ in receivers(route(rule))} == {IN_SITE}


def test_all_rules_that_match_are_followed() -> None:
    sms = Target("sms", "+8613800000000")
    routed = route(Rule(name="a", targets=(MAIL,)), Rule(name="b", targets=(sms,)))

    assert receivers(routed) == [("mail", MAIL.receiver), ("sms", sms.receiver)]


def test_a_rule_sets_the_level_for_those_behind_it() -> None:
    loud = Rule(name="loud", priority=1, set_level=Level.CRITICAL)
    pager = Rule(name="pager", priority=2, min_level=Level.CRITICAL, targets=(MAIL,))

    routed = route(pager, loud)

    assert routed.alarm.level is Level.CRITICAL
    assert receivers(routed) == [("mail", MAIL.receiver)]


def test_nobody_means_that_the_alarm_is_only_kept() -> None:
    assert route(Rule(name="mute", targets=(Target("nobody"),))).sends == ()


def test_in_site_messages_go_to_users_by_their_role() -> None:
    targets = (Target(IN_SITE, "role:viewer"), Target(IN_SITE, "vera"), Target(IN_SITE, "zoe"))

    assert receivers(route(Rule(name="r", targets=targets))) == [
        (IN_SITE, "vera"),
        (IN_SITE, "zoe"),
    ]


NO_ROLE = Target(IN_SITE, "role:auditor")


def test_a_rule_whose_users_are_none_tells_the_admins() -> None:
    assert receivers(route(Rule(name="r", targets=(NO_ROLE,)))) == [(IN_SITE, "ann")]
    assert receivers(route(Rule(name="r", targets=(NO_ROLE, MAIL)))) == [("mail", MAIL.receiver)]


def test_an_escalation_to_nobody_is_told_to_the_admins() -> None:
    rule = Rule(name="r", escalate_after=timedelta(minutes=5), escalate_targets=(NO_ROLE,))
    router = Router(rules=Rules.of([rule]), people=PEOPLE, wait=WAIT, window=WINDOW)

    (send,) = router.escalate(alarm(), "r", NOW)

    assert send.slot.receiver == "ann"


def test_without_any_admin_it_is_known_that_somebody_was_meant() -> None:
    router = Router(rules=Rules(), people=People({"viewer": ["vera"]}), wait=WAIT, window=WINDOW)
    (routed,) = router.route([alarm()], {}, NOW)
    muted = route(Rule(name="mute", targets=(Target("nobody"),)))

    assert (routed.sends, routed.meant) == ((), True)
    assert (muted.sends, muted.meant) == ((), False)


def test_a_repetition_waits_for_the_end_of_the_window() -> None:
    told = NOW - timedelta(seconds=100)
    routed = route(Rule(name="r", targets=(MAIL,)), told={"failure/job:7": told})

    assert routed.suppressed
    assert routed.sends[0].at == told + WINDOW


def test_without_a_window_nothing_is_a_repetition() -> None:
    rule = Rule(name="r", targets=(MAIL,), window=timedelta(0))

    assert not route(rule, told={"failure/job:7": NOW}).suppressed


def test_of_many_alarms_at_once_the_first_is_told_promptly() -> None:
    router = Router(rules=Rules(), people=PEOPLE, wait=WAIT, window=WINDOW)
    many = [alarm(dedup_key=f"chain/{n}") for n in range(3)]

    routed = router.route(many, {}, NOW)

    assert [one.suppressed for one in routed] == [False, True, True]
    assert len({send.slot for one in routed for send in one.sends}) == 3  # a message a person


@pytest.mark.parametrize(
    ("group_by", "key"),
    [
        (GroupBy.ALL, ""),
        (GroupBy.JOB, "job:7"),
        (GroupBy.TYPE, "failure"),
        (GroupBy.NONE, "chain/1"),
    ],
)
def test_a_rule_says_what_goes_in_one_message(group_by: GroupBy, key: str) -> None:
    (send,) = route(Rule(name="r", targets=(MAIL,), group_by=group_by)).sends

    assert send.slot.group_key == key


def quiet(begins: int, ends: int, **changes: Any) -> Quiet:
    made = Quiet(time(begins), time(ends), ZoneInfo("Asia/Shanghai"), Level.CRITICAL)
    return replace(made, **changes)


@pytest.mark.parametrize(
    ("utc", "until"),
    [
        ("2026-11-24T13:59Z", None),
        ("2026-11-24T14:00Z", "2026-11-24T23:00Z"),
        ("2026-11-24T22:59Z", "2026-11-24T23:00Z"),
        ("2026-11-24T23:00Z", None),
    ],
)
def test_quiet_hours_reach_over_midnight(utc: str, until: str | None) -> None:
    end = quiet(22, 7).until(datetime.fromisoformat(utc), Level.ERROR)

    assert end == (datetime.fromisoformat(until) if until else None)


def test_quiet_hours_within_a_day_end_on_that_day() -> None:
    noon = datetime(2026, 11, 24, 4, 30, tzinfo=UTC)

    assert quiet(12, 14).until(noon, Level.INFO) == datetime(2026, 11, 24, 6, tzinfo=UTC)


def test_what_is_bad_enough_breaks_quiet_hours() -> None:
    night = datetime(2026, 11, 24, 15, tzinfo=UTC)

    assert quiet(22, 7).until(night, Level.CRITICAL) is None
    assert quiet(22, 7, broken_from=None).until(night, Level.CRITICAL) is not None


def test_an_alarm_in_quiet_hours_is_told_when_they_are_over() -> None:
    rule = Rule(name="r", targets=(MAIL,), quiet=quiet(19, 21))
    routed = route(rule)

    assert routed.suppressed
    assert routed.sends[0].at == NOW + timedelta(hours=1)


def test_quiet_hours_end_by_the_clock_on_the_wall_when_it_is_changed() -> None:
    berlin = Quiet(time(22), time(7), ZoneInfo("Europe/Berlin"), None)

    end = berlin.until(datetime(2026, 3, 28, 22, 30, tzinfo=UTC), Level.INFO)

    assert end == datetime(2026, 3, 29, 5, tzinfo=UTC)


def test_the_first_rule_that_escalates_says_when() -> None:
    slow = Rule(name="slow", priority=2, escalate_after=timedelta(hours=1))
    fast = Rule(
        name="fast", priority=1, escalate_after=timedelta(minutes=5), escalate_targets=(MAIL,)
    )

    routed = route(slow, fast)
    router = Router(rules=Rules.of([slow, fast]), people=PEOPLE, wait=WAIT, window=WINDOW)
    (send,) = router.escalate(routed.alarm, routed.rule, NOW)

    assert (routed.rule, routed.escalate_at) == ("fast", NOW + timedelta(minutes=5))
    assert (send.slot.purpose, send.slot.receiver) == (Purpose.ESCALATION, MAIL.receiver)


def test_nobody_has_to_handle_a_recovery() -> None:
    rule = Rule(name="r", escalate_after=timedelta(minutes=5))

    assert route(rule, type=AlarmType.RECOVERED).escalate_at is None


@pytest.mark.parametrize("text", ["", ":x", "  "])
def test_a_target_names_a_channel(text: str) -> None:
    with pytest.raises(ValueError, match="write channel or channel:receiver"):
        Target.parse(text)


def test_a_receiver_may_hold_colons() -> None:
    assert Target.parse("in_site:role:viewer") == Target("in_site", "role:viewer")
