"""Mistakes in the settings of alarms stop the start, with their names."""

from __future__ import annotations

import json
from typing import Any

import pytest

from executor.errors import StartRefused
from scheduler.alarm_settings import AlarmRuleSection, AlarmsSection
from scheduler.alarms.in_force import InForce
from scheduler.settings import load


def refused(**alarms: Any) -> str:
    environ = {f"QOOERP_ALARMS__{key.upper()}": json.dumps(value) for key, value in alarms.items()}
    with pytest.raises(StartRefused) as refusal:
        load(None, environ)
    return str(refusal.value)


def test_a_type_of_alarms_that_there_is_not_is_named() -> None:
    said = refused(rules=[{"name": "r", "types": ["failure", "failures"]}])

    assert "alarms.rules.0.types.1" in said
    assert "'executor_gone'" in said


def test_an_escalation_says_whom_it_tells() -> None:
    said = refused(rules=[{"name": "r", "escalate_after_seconds": 60}])

    assert "alarms.rules.0: " in said
    assert "escalate_after_seconds needs escalate_targets" in said


@pytest.mark.parametrize(
    ("channel", "said"),
    [
        ({"kind": "email", "settings": {"host": "a..b", "sender": "a@b.c"}}, "settings.host"),
        (
            {
                "kind": "sms",
                "settings": {"gateway": "apprise"},
                "secrets": {"apprise_url": "twilio://"},
            },
            "secrets.apprise_url",
        ),
    ],
)
def test_a_channel_that_cannot_be_used_is_named(channel: dict[str, Any], said: str) -> None:
    whole = refused(channels=[{"name": "c"} | channel])

    assert "alarms.channels.0: " in whole
    assert said in whole


def test_settings_that_cannot_be_followed_change_nothing() -> None:
    force = InForce(AlarmsSection(wait_seconds=1), "UTC")
    before = force.now
    odd = AlarmRuleSection(name="r").model_copy(update={"targets": [" "]})

    with pytest.raises(ValueError, match="is no target"):
        force.take(AlarmsSection(wait_seconds=2).model_copy(update={"rules": [odd]}))

    assert force.now is before


def test_new_settings_are_followed_whole_but_switch_nothing_off() -> None:
    force = InForce(AlarmsSection(), "UTC")

    force.take(AlarmsSection(enabled=False, wait_seconds=2, rules=[AlarmRuleSection(name="r")]))

    assert force.now.section.enabled
    assert force.now.section.wait_seconds == 2
    assert [rule.name for rule in force.now.rules] == ["r"]
