from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from executor.model import BlockStrategy
from scheduler.api.job_shapes import JobTold
from scheduler.job import Engine, Job, JobStatus, MisfirePolicy, RetryStrategy, ScheduleType
from scheduler.jobs_as_code.exporting import exported
from scheduler.jobs_as_code.planning import Kind, plan
from scheduler.jobs_as_code.spec import read_specs
from tests.unit.test_jobs_as_code import NOW, THEIRS, told

jobs = st.builds(
    Job,
    name=st.text("ab月 /'", min_size=1, max_size=3),
    group=st.sampled_from(["default", "finance"]),
    handler=st.sampled_from(["note", "报表"]),
    description=st.text(max_size=5).filter(lambda text: "\x00" not in text),
    params=st.sampled_from(["", '{"a": 1}', "yes", "12", "a: b\n- c"]),
    schedule_type=st.sampled_from(ScheduleType),
    cron_expression=st.just("0 0 2 * * ?"),
    interval_seconds=st.integers(1, 100),
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
)


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
