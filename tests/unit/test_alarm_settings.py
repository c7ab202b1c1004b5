"""Mistakes in the settings of alarms stop the start, with their names."""

from __future__ import annotations

import json
from typing import Any

import pytest

from executor.errors import StartRefused
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
