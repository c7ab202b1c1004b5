from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from scheduler.alarms.events import Judge
from scheduler.alarms.model import Alarm, AlarmType, Level
from scheduler.alarms.rule import Rule, Rules

AT = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def event(**changes: Any) -> dict[str, Any]:
    """A run of job 7 that has failed."""
    return {
        "kind": "ended",
        "job_id": 7,
        "log_id": 100,
        "at": AT,
        "not_before": None,
        "message": "",
        "status": "failed",
        "attempt": 1,
        "first_log_id": None,
        "trigger_type": "cron",
        "cluster": "local",
        "admin_log_id": 100,
        "scheduled_time": AT,
        "start_time": AT,
        "result_message": "no rows",
        "job_name": "stock",
        "job_group": "default",
        "engine": "local",
        "retry_strategy": "none",
        "retry_count": 0,
        "wanted": True,
        "tried_again": False,
    } | changes


def judged(*rules: Rule, **changes: Any) -> list[Alarm]:
    return list(Judge(Rules.of(rules), MINUTE).alarms(event(**changes)))


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({}, AlarmType.FAILURE),
        ({"status": "interrupted"}, AlarmType.FAILURE),
        ({"status": "timed_out"}, AlarmType.TIMEOUT),
        (
            {"attempt": 3, "first_log_id": 90, "retry_strategy": "fixed", "retry_count": 2},
            AlarmType.RETRIES_EXHAUSTED,
        ),
    ],
    ids=["failed", "interrupted", "timed_out", "last attempt"],
)
def test_a_chain_that_is_over_badly_is_an_alarm(changes: dict[str, Any], kind: AlarmType) -> None:
    (alarm,) = judged(**changes)

    assert alarm.type is kind
    assert alarm.breaks == "job:7"


def test_a_next_attempt_that_is_refused_is_the_bad_end_of_its_chain() -> None:
    (alarm,) = judged(status="discarded", log_id=100, first_log_id=90, attempt=2, **RETRIED)

    assert (alarm.type, alarm.dedup_key) == (AlarmType.RETRIES_EXHAUSTED, "chain/90")


def test_all_attempts_of_a_chain_are_one_alarm() -> None:
    (first,) = judged(log_id=90)
    (third,) = judged(log_id=100, first_log_id=90, attempt=3)

    assert first.dedup_key == third.dedup_key


RETRIED = {"retry_strategy": "fixed", "retry_count": 2}


def test_an_attempt_that_will_be_repeated_is_none() -> None:
    assert judged(**RETRIED) == []
    assert judged(attempt=2, first_log_id=90, **RETRIED) == []


def test_a_job_that_is_stopped_or_deleted_is_not_tried_again() -> None:
    assert len(judged(wanted=False, **RETRIED)) == 1


def test_a_rule_wants_to_hear_of_every_attempt_of_its_jobs() -> None:
    (alarm,) = judged(Rule(name="r", job_id=7, every_attempt=True), **RETRIED)

    assert (alarm.type, alarm.breaks) == (AlarmType.FAILURE, "job:7")
    assert judged(Rule(name="r", job_id=8, every_attempt=True), **RETRIED) == []


@pytest.mark.parametrize("status", ["succeeded", "killed", "discarded"])
def test_ends_that_somebody_wanted_are_none(status: str) -> None:
    assert judged(status=status) == []


def test_what_a_handler_says_is_an_alarm_whatever_became_of_its_run() -> None:
    (alarm,) = judged(status="succeeded", result_message="done\n[alarm critical] stock below zero")

    assert (alarm.type, alarm.level) == (AlarmType.CUSTOM, Level.CRITICAL)
    assert alarm.title == "stock below zero"


def test_the_run_of_a_dropped_month_is_none() -> None:
    assert judged(status=None) == []


ADMINS = {"engine": "xxl", "cluster": "main", "retry_strategy": "fixed", "retry_count": 2}


def test_an_admins_failed_run_is_judged_when_it_is_known_whether_it_was_repeated() -> None:
    judge = Judge(Rules(), MINUTE)

    assert judge.is_held(event(**ADMINS))
    assert not judge.is_held(event(**ADMINS, not_before=AT))
    assert not judge.is_held(event(**ADMINS, attempt=3))
    assert not judge.is_held(event(engine="xxl", retry_count=0))
    assert judged(**ADMINS, not_before=AT, tried_again=True) == []
    assert len(judged(**ADMINS, not_before=AT)) == 1


@pytest.mark.parametrize(("seconds", "alarms"), [(59, 0), (60, 1)])
def test_a_start_is_late_from_the_threshold_on(seconds: int, alarms: int) -> None:
    begun = AT + timedelta(seconds=seconds)

    assert len(judged(kind="late", start_time=begun)) == alarms


def test_a_rule_has_a_threshold_of_its_own() -> None:
    rule = Rule(name="r", job_group="default", late=timedelta(seconds=10))
    (alarm,) = judged(rule, kind="late", start_time=AT + timedelta(seconds=10))

    assert alarm.type is AlarmType.STARTED_LATE
    assert alarm.facts["lateSeconds"] == 10


def test_late_starts_of_a_job_that_come_together_are_one_alarm() -> None:
    late = {"kind": "late", "start_time": AT + timedelta(minutes=5)}
    keys = {judged(**late, log_id=n)[0].dedup_key for n in (1, 2)}

    assert len(keys) == 1


def test_a_due_time_that_was_given_up_is_a_missed_fire() -> None:
    (alarm,) = judged(kind="missed", log_id=None, message="skipped by its policy")

    assert (alarm.type, alarm.content) == (AlarmType.MISSED_FIRE, "skipped by its policy")
    assert AT.isoformat() in alarm.dedup_key
