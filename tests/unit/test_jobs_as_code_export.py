from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from executor.errors import StartRefused
from executor.model import BlockStrategy
from scheduler.api.job_shapes import JobTold
from scheduler.job import (
    Engine,
    IntervalMode,
    Job,
    JobStatus,
    MisfirePolicy,
    RetryStrategy,
    ScheduleType,
)
from scheduler.jobs_as_code.exporting import exported
from scheduler.jobs_as_code.planning import Kind, plan
from scheduler.jobs_as_code.spec import JobSpec, read_specs
from tests.unit.test_jobs_as_code import NOW, THEIRS, told

OF_ADMIN: Mapping[str, Any] = {"engine": Engine.XXL, "cluster": "main", "group": "our-app"}

jobs = st.builds(
    Job,
    name=st.text("ab月 /'", min_size=1, max_size=3).filter(str.strip),
    group=st.sampled_from(["default", "finance"]),
    handler=st.sampled_from(["note", "报表"]),
    description=st.text(max_size=5).filter(lambda text: "\x00" not in text),
    params=st.sampled_from(["", '{"a": 1}', "yes", "12", "a: b\n- c"]),
    schedule_type=st.sampled_from(ScheduleType),
    cron_expression=st.just("0 0 2 * * ?"),
    interval_seconds=st.integers(1, 100),
    interval_mode=st.sampled_from(IntervalMode),
    run_at=st.integers(0, 10**7).map(lambda s: NOW + timedelta(seconds=s)),
    timezone=st.sampled_from(["UTC", "Asia/Shanghai"]),
    misfire_policy=st.sampled_from(MisfirePolicy),
    block_strategy=st.sampled_from(BlockStrategy),
    timeout_seconds=st.integers(0, 9),
    retry_strategy=st.sampled_from(RetryStrategy),
    retry_count=st.integers(1, 9),
    retry_interval_seconds=st.integers(0, 9),
    retry_max_interval_seconds=st.integers(0, 9),
    configs=st.dictionaries(st.sampled_from(["k", "smtp.host"]), st.sampled_from(["1", "no"])),
    status=st.sampled_from(JobStatus),
).map(lambda job: replace(job, retry_count=job.retry_count * (job.retry_strategy != "none")))


@example([Job(name="a\x85b", handler="note", params="\x85\r\n ")])
@settings(deadline=None, max_examples=50)
@given(st.lists(jobs, max_size=4, unique_by=lambda job: (job.group, job.name)))
def test_what_is_exported_is_what_is_there(tmp_path_factory, found):
    known = [JobTold.model_validate(replace(job, id=i)) for i, job in enumerate(found, 1)]
    path = tmp_path_factory.mktemp("export") / "jobs.yaml"

    path.write_text(exported(known, known), encoding="utf-8")

    assert {step.kind for step in plan(read_specs(path), known, now=NOW)} <= {Kind.UNCHANGED}
    assert exported(known[::-1], known) == path.read_text(encoding="utf-8")


def test_an_export_of_a_job_of_an_admin_leaves_to_it_what_is_its_own():
    there = told(
        engine=Engine.XXL,
        cluster="main",
        group="our-app",
        timezone="Asia/Shanghai",
        status=JobStatus.RUNNING,
    )
    script = told(2, name="s", handler="", engine=Engine.XXL, cluster="main")

    written = yaml.safe_load(exported([there, script], []))

    assert written == {"jobs": [{**THEIRS, "status": "running"}]}


def test_dependencies_are_exported_by_the_shortest_name_that_is_one():
    known = [
        told(1, name="p"),
        told(2, name="q"),
        told(3, name="q", group="other"),
        told(4, depends_on=(1, 2)),
    ]

    written = yaml.safe_load(exported(known, known))["jobs"]

    assert written[0]["dependsOn"] == ["p", "default/q"]


UNSAID = [
    ([told(2, name="a script", handler="", **OF_ADMIN)], r"2\): a script of the Admin"),
    ([told(2, name="b", **OF_ADMIN), told(3, name="b", **OF_ADMIN)], r"2, 3\): several jobs"),
    ([told(2, name="b", mirrored_at=None, **OF_ADMIN)], r"2\): known only from its runs"),
    ([told(2, name="b", timeout_seconds=99_999_999, **OF_ADMIN)], r"2\): .*timeoutSeconds: "),
    ([told(2, name="b", retry_count=2000, **OF_ADMIN)], r"2\): .*retryCount: "),
    (
        [
            told(
                2,
                name="b",
                schedule_type=ScheduleType.CRON,
                cron_expression="0 0 12 1 * 2",
                **OF_ADMIN,
            )
        ],
        r"2\): .*cronExpression: ",
    ),
]


@pytest.mark.parametrize(("unsaid", "why"), UNSAID)
def test_what_no_file_can_say_of_an_admin_is_a_comment_and_never_deleted(unsaid, why):
    known = [told(1, **OF_ADMIN), *unsaid]

    text = exported(known, [])
    specs = [JobSpec.model_validate(job) for job in yaml.safe_load(text)["jobs"]]
    steps = plan(specs, known, now=NOW, prune=True)

    assert [(step.kind, step.key.name) for step in steps] == [(Kind.UNCHANGED, "a")]
    assert re.search(f"^# left out: xxl/main/.* [(]ids: {why}", text, re.MULTILINE)


def test_names_that_are_left_out_stay_in_their_comment():
    script = told(2, name="x\njobs: []\u2028# \x85", handler="", **OF_ADMIN)

    text = exported([told(1, **OF_ADMIN), script], [])

    assert [job["jobName"] for job in yaml.safe_load(text)["jobs"]] == ["a"]


def test_a_file_does_not_take_a_script_of_an_admin_for_its_job():
    script = told(2, handler="", **OF_ADMIN)

    with pytest.raises(StartRefused, match="xxl/main/a is a script of its Admin"):
        plan([JobSpec.model_validate(THEIRS)], [script], now=NOW)
