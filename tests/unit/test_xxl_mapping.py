from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admin_bridge.console import AdminJob, JobFields
from executor.model import BlockStrategy
from scheduler.job import Engine, Job, JobStatus, MisfirePolicy, RetryStrategy, ScheduleType
from scheduler.xxl.mapping import as_mirrored, form_of, job_of, merged, status_of

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
THERE = JobFields(
    group_id=2,
    name="nightly report",
    author="li",
    alarm_email="li@example.com",
    schedule_type="CRON",
    schedule_conf="0 0 2 * * ?",
    misfire="FIRE_ONCE_NOW",
    route="SHARDING_BROADCAST",
    handler="report",
    params='{"a": 1}',
    block="COVER_EARLY",
    timeout_s=60,
    retry_count=3,
    children=(5, 6),
)
HERE = Job(
    job_no="XXL-main-7",
    name="nightly report",
    group="our-app",
    engine=Engine.XXL,
    cluster="main",
    admin_job_id=7,
    handler="report",
    params='{"a": 1}',
    schedule_type=ScheduleType.CRON,
    cron_expression="0 0 2 * * ?",
    timezone="Asia/Shanghai",
    misfire_policy=MisfirePolicy.FIRE_ONCE,
    block_strategy=BlockStrategy.COVER,
    timeout_seconds=60,
    retry_strategy=RetryStrategy.FIXED,
    retry_count=3,
    status=JobStatus.RUNNING,
    next_run_time=NOON,
    create_time=NOON,
    update_time=NOON,
)


def seen(fields: JobFields, *, running: bool = True, next_trigger: datetime | None = NOON) -> Job:
    admin = AdminJob(7, fields, running, None, next_trigger, NOON, NOON)
    return job_of(admin, cluster="main", group="our-app", timezone="Asia/Shanghai")


def test_a_job_of_an_admin_becomes_one_of_ours_field_by_field():
    assert seen(THERE) == HERE


def test_a_job_of_ours_becomes_the_form_that_it_was_read_from():
    form = form_of(HERE)

    assert form == {name: getattr(THERE, name) for name in form}
    assert set(form) == {
        *("name", "handler", "params", "schedule_type", "schedule_conf", "misfire", "block"),
        *("timeout_s", "retry_count"),
    }


@pytest.mark.parametrize(
    ("kind", "conf", "expected"),
    [
        ("CRON", "0 0 2 * * ?", (ScheduleType.CRON, "0 0 2 * * ?", None)),
        ("CRON", " ", (ScheduleType.NONE, None, None)),
        ("FIX_RATE", "30", (ScheduleType.INTERVAL, None, 30)),
        ("FIX_DELAY", "30", (ScheduleType.INTERVAL, None, 30)),
        ("FIX_RATE", "0", (ScheduleType.NONE, None, None)),
        ("FIX_RATE", "half", (ScheduleType.NONE, None, None)),
        ("FIX_RATE", "٣", (ScheduleType.NONE, None, None)),
        ("FIX_RATE", "99999999999", (ScheduleType.NONE, None, None)),
        ("NONE", "", (ScheduleType.NONE, None, None)),
        ("NONE", "0 0 2 * * ?", (ScheduleType.NONE, None, None)),
        ("LUNAR", "7", (ScheduleType.NONE, None, None)),
    ],
)
def test_every_rule_of_an_admin_is_one_of_ours_or_never_due(kind, conf, expected):
    job = seen(replace(THERE, schedule_type=kind, schedule_conf=conf))

    assert (job.schedule_type, job.cron_expression, job.interval_seconds) == expected


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"schedule_type": ScheduleType.NONE}, ("NONE", "")),
        ({"schedule_type": ScheduleType.CRON, "cron_expression": "a"}, ("CRON", "a")),
        ({"schedule_type": ScheduleType.INTERVAL, "interval_seconds": 5}, ("FIX_RATE", "5")),
    ],
)
def test_every_possible_rule_of_ours_is_one_of_an_admin(rule, expected):
    form = form_of(replace(HERE, **rule))

    assert (form["schedule_type"], form["schedule_conf"]) == expected


@pytest.mark.parametrize("block", BlockStrategy)
def test_block_strategies_have_the_same_names_on_both_sides(block):
    assert form_of(replace(HERE, block_strategy=block))["block"] == block.value
    assert seen(replace(THERE, block=block.value)).block_strategy is block


@pytest.mark.parametrize(
    ("policy", "word"),
    [(MisfirePolicy.FIRE_ONCE, "FIRE_ONCE_NOW"), (MisfirePolicy.SKIP, "DO_NOTHING")],
)
def test_misfires_are_translated_both_ways(policy, word):
    assert form_of(replace(HERE, misfire_policy=policy))["misfire"] == word
    assert seen(replace(THERE, misfire=word)).misfire_policy is policy


def test_words_that_no_admin_of_today_says_are_read_as_its_defaults():
    job = seen(replace(THERE, misfire="", block="NEW_ONE", timeout_s=-1, retry_count=-1))

    assert job.misfire_policy is MisfirePolicy.SKIP
    assert job.block_strategy is BlockStrategy.SERIAL
    assert (job.timeout_seconds, job.retry_count) == (0, 0)
    assert job.retry_strategy is RetryStrategy.NONE


def test_a_stopped_job_is_not_due():
    job = seen(THERE, running=False)

    assert (job.status, job.next_run_time) == (JobStatus.STOPPED, None)


@pytest.mark.parametrize("was", JobStatus)
def test_a_pause_is_remembered_until_somebody_starts_the_job(was):
    assert status_of(running=True, was=was) is JobStatus.RUNNING
    stopped = JobStatus.PAUSED if was is JobStatus.PAUSED else JobStatus.STOPPED
    assert status_of(running=False, was=was) is stopped


def test_a_change_leaves_alone_what_only_the_admin_knows():
    changed = merged(THERE, HERE, replace(HERE, params="other", timeout_seconds=5))

    assert changed == replace(THERE, params="other", timeout_s=5)


def test_an_unreadable_rule_of_an_admin_outlives_a_change_of_something_else():
    there = replace(THERE, schedule_type="LUNAR", schedule_conf="7")
    here = seen(there)

    assert merged(there, here, replace(here, params="x")) == replace(there, params="x")


def test_a_change_of_the_interval_alone_names_its_kind():
    there = replace(THERE, schedule_type="FIX_DELAY", schedule_conf="30")
    here = seen(there)

    changed = merged(there, here, replace(here, interval_seconds=60))

    assert (changed.schedule_type, changed.schedule_conf) == ("FIX_RATE", "60")


possible = st.builds(
    Job,
    name=st.text("ab-", min_size=1),
    engine=st.just(Engine.XXL),
    handler=st.text("xyz", min_size=1),
    params=st.text("{}=1 月", max_size=20),
    schedule_type=st.sampled_from([ScheduleType.NONE, ScheduleType.CRON, ScheduleType.INTERVAL]),
    cron_expression=st.sampled_from(["0 0 2 * * ?", "0/5 * * * * ?"]),
    interval_seconds=st.integers(1, 10_000),
    misfire_policy=st.sampled_from([MisfirePolicy.FIRE_ONCE, MisfirePolicy.SKIP]),
    block_strategy=st.sampled_from(BlockStrategy),
    timeout_seconds=st.integers(0, 10_000),
    retry_count=st.integers(0, 10),
)


@given(possible)
def test_what_was_sent_to_an_admin_comes_back_as_it_was(job):
    there = replace(THERE, **form_of(job))

    assert form_of(seen(there)) == form_of(job)
    expected = as_mirrored(job)
    for name in ("schedule_type", "cron_expression", "interval_seconds", "retry_strategy"):
        assert getattr(seen(there), name) == getattr(expected, name)


@given(possible, possible)
def test_a_merge_gives_the_admin_the_new_form_whatever_the_old_one_was(old, new):
    there = replace(THERE, **form_of(old))

    changed = merged(there, old, new)

    assert form_of(seen(changed)) == form_of(new)
    assert (changed.route, changed.author, changed.children) == ("SHARDING_BROADCAST", "li", (5, 6))
