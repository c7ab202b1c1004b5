from __future__ import annotations

import pytest

from executor.run_alarm import MOST, Level, RunAlarm, run_alarm, told_in, told_with
from scheduler.run_row import clean


def test_the_alarms_of_a_message_are_found_again() -> None:
    alarms = [RunAlarm(Level.CRITICAL, "stock below zero"), RunAlarm(Level.INFO, "all counted")]

    message = told_with("counted 3 rows", alarms)

    assert message.splitlines()[0] == "counted 3 rows"
    assert told_in(message) == alarms


@pytest.mark.parametrize(
    "text",
    ["nul\x00 inside", "half \ud800 a pair", "x\x85y", "x\u2028y", "a " * 300, "x" * 499 + " y"],
)
def test_what_a_run_has_said_is_what_its_record_says(text: str) -> None:
    alarm = run_alarm(text, "error")

    assert told_in(clean(told_with("done", [alarm]), 15_000)) == [alarm]


def test_a_message_without_alarms_stays_as_it_is() -> None:
    assert told_with("x" * 9000, []) == "x" * 9000
    assert told_in("nothing [alarm critical] to see") == []


def test_alarms_stand_alone_where_the_run_says_nothing() -> None:
    assert told_with("", [RunAlarm(Level.WARNING, "slow")]) == "[alarm warning] slow"


def test_a_long_message_leaves_room_for_its_alarms() -> None:
    message = told_with("x" * 100_000, [RunAlarm(Level.ERROR, "e" * 500)] * MOST)

    assert len(message) < 15_000
    assert len(told_in(message)) == MOST


def test_an_alarm_is_one_bounded_line() -> None:
    alarm = run_alarm("first\r\nSubject: second\n" + "x" * 1000, "error")

    assert "\n" not in alarm.text
    assert len(alarm.text) == 500


def test_an_unknown_level_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="'loud', choose one of: info, warning, error, critical"):
        run_alarm("x", "loud")


def test_levels_have_an_order() -> None:
    assert Level.CRITICAL.reaches(Level.ERROR)
    assert not Level.INFO.reaches(Level.WARNING)
