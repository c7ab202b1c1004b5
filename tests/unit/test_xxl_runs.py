from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from admin_bridge.console import AdminLog
from scheduler.refusal import Invalid
from scheduler.xxl.admins import chosen
from scheduler.xxl.runs import chosen_row

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
ROW = AdminLog(
    id=11,
    group_id=2,
    job_id=7,
    address="http://127.0.0.1:9999",
    handler="report",
    params="a",
    shard_index=0,
    shard_total=1,
    retries_left=0,
    triggered_at=NOON,
    trigger_code=200,
    trigger_message="任务触发类型：手动触发<br>…",
    handled_at=None,
    handle_code=0,
    handle_message="",
    alarm_status=0,
)
BY_CRON = "Job trigger type：Cron trigger<br>…"


def test_the_row_is_the_new_one_with_the_params():
    old, other = replace(ROW, id=10), replace(ROW, id=12, params="b")

    assert chosen_row([other, ROW, old], 10, params="a") == ROW
    assert chosen_row([other, old], 10, params="a") is None


def test_a_row_whose_trigger_is_still_going_out_is_waited_for():
    assert chosen_row([replace(ROW, trigger_code=0, params="")], 10, params="") is None


def test_a_failed_trigger_has_its_row_too():
    failed = replace(ROW, trigger_code=500)

    assert chosen_row([failed], 10, params="a") == failed


@pytest.mark.parametrize("words", ["Manual trigger", "手动触发", "手動觸發"])
def test_a_run_of_the_schedule_with_the_same_params_is_not_taken_for_it(words):
    scheduled = replace(ROW, trigger_message=BY_CRON)
    asked = replace(ROW, id=12, trigger_message=f"…：{words}<br>")

    assert chosen_row([asked, scheduled], 10, params="a") == asked


def test_in_another_language_the_first_is_taken():
    rows = [replace(ROW, id=number, trigger_message="…") for number in (13, 12)]

    found = chosen_row(rows, 10, params="a")

    assert found is not None
    assert found.id == 12


def test_of_a_broadcast_the_first_share_is_taken():
    shares = [replace(ROW, id=11 + index, shard_index=index, shard_total=3) for index in range(3)]

    assert chosen_row(shares[::-1], 10, params="a") == shares[0]


def test_a_new_job_goes_to_the_only_cluster_or_to_the_one_it_names():
    assert chosen(None, ["main"]) == "main"
    assert chosen("b", ["a", "b"]) == "b"


@pytest.mark.parametrize(
    ("cluster", "names", "field", "rule"),
    [
        (None, ["b", "a"], "cluster", "configured Admin clusters: a, b"),
        ("c", ["a"], "cluster", "configured Admin clusters: a"),
        (None, [], "engine", "no Admin is configured"),
    ],
)
def test_a_new_job_whose_cluster_is_not_said_is_refused(cluster, names, field, rule):
    with pytest.raises(Invalid, match=rule) as refusal:
        chosen(cluster, names)

    assert refusal.value.field == field
