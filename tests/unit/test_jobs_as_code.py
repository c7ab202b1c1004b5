from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from executor.errors import StartRefused
from scheduler.api.job_shapes import JobTold
from scheduler.job import Engine, Job, JobStatus, RetryStrategy, ScheduleType
from scheduler.job_control import Action
from scheduler.jobs_as_code.ordering import ordered
from scheduler.jobs_as_code.planning import Kind, Step, plan
from scheduler.jobs_as_code.spec import JobSpec, read_specs
from scheduler.jobs_as_code.telling import lines_of, summary

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
A_JOB: Mapping[str, Any] = {"jobName": "a", "handlerName": "note"}
THEIRS: Mapping[str, Any] = {**A_JOB, "engine": "xxl", "cluster": "main"}


def spec(**said: Any) -> JobSpec:
    return JobSpec.model_validate({**A_JOB, **said})


def told(number: int = 1, **values: Any) -> JobTold:
    """A job that is there; *values* by the names of `Job`."""
    job = Job(id=number, **{"name": "a", "handler": "note", "mirrored_at": NOW, **values})
    return JobTold.model_validate(job)


def kinds(steps: list[Step]) -> list[tuple[str, str]]:
    return [(step.kind.value, str(step.key)) for step in steps]


def only(*specs: JobSpec, known: list[JobTold], prune: bool = False) -> Step:
    (step,) = plan(specs, known, now=NOW, prune=prune)
    return step


def test_a_job_that_is_missing_is_created():
    assert only(spec(), known=[]).kind is Kind.CREATE


def test_a_job_that_is_as_it_should_be_is_unchanged():
    assert only(spec(), known=[told()]).kind is Kind.UNCHANGED


def test_what_is_left_out_has_its_default_and_is_changed_back_to_it():
    step = only(spec(), known=[told(timeout_seconds=9, configs={"k": "v", "secret": "******"})])

    assert step.kind is Kind.UPDATE
    assert step.differences == {"timeout_seconds": (9, 0), "configs": ({"k": "v"}, {})}


@pytest.mark.parametrize("status", JobStatus)
def test_a_status_that_is_not_written_down_is_left_to_people(status):
    assert only(spec(), known=[told(status=status)]).kind is Kind.UNCHANGED


@pytest.mark.parametrize(
    ("now", "wanted", "actions"),
    [
        ("stopped", "running", (Action.START,)),
        ("stopped", "paused", (Action.START, Action.PAUSE)),
        ("running", "stopped", (Action.STOP,)),
        ("running", "paused", (Action.PAUSE,)),
        ("paused", "running", (Action.RESUME,)),
        ("paused", "stopped", (Action.STOP,)),
        ("running", "running", ()),
    ],
)
def test_a_status_is_reached_by_what_it_allows(now, wanted, actions):
    step = only(spec(status=wanted), known=[told(status=JobStatus(now))])

    assert step.actions == actions
    assert (step.kind is Kind.UPDATE) == bool(actions)


def test_jobs_of_one_place_that_are_not_written_down_are_extra_and_deleted_only_when_asked():
    known = [told(1), told(2, name="b"), told(3, name="c", group="other")]

    assert kinds(plan([spec()], known, now=NOW)) == [
        ("unchanged", "local/default/a"),
        ("extra", "local/default/b"),
    ]
    assert kinds(plan([spec()], known, now=NOW, prune=True))[1] == ("delete", "local/default/b")


def test_jobs_of_an_admin_are_another_place_than_local_ones():
    known = [told(1), told(2, engine=Engine.XXL, cluster="main", group="our-app")]

    assert only(JobSpec.model_validate(THEIRS), known=known[1:]).kind is Kind.UNCHANGED
    assert kinds(plan([spec()], known, now=NOW, prune=True)) == [("unchanged", "local/default/a")]


def test_a_job_of_an_admin_is_compared_as_it_comes_back_from_there():
    wanted = {**THEIRS, "retryCount": 2, "intervalSeconds": 5}
    there = told(
        engine=Engine.XXL,
        cluster="main",
        group="our-app",
        timezone="Asia/Shanghai",
        retry_count=2,
        retry_strategy=RetryStrategy.FIXED,
    )

    assert only(JobSpec.model_validate(wanted), known=[there]).kind is Kind.UNCHANGED


def test_what_an_admin_cannot_do_is_refused_before_anything_is_done():
    with pytest.raises(StartRefused, match="xxl/main/a: misfirePolicy: an Admin fires once"):
        plan([JobSpec.model_validate({**THEIRS, "misfirePolicy": "fire_all"})], [], now=NOW)


def test_a_rule_that_lacks_its_half_is_refused_by_field():
    with pytest.raises(StartRefused, match="local/default/a: cronExpression: is needed"):
        plan([spec(scheduleType="cron")], [], now=NOW)


def test_two_jobs_of_one_name_can_be_extra_and_not_meant():
    known = [told(1), told(2)]

    with pytest.raises(StartRefused, match="several jobs are local/default/a: ids 1, 2"):
        plan([spec()], known, now=NOW)
    assert (
        kinds(plan([spec(jobName="b")], known, now=NOW))[:2] == [("extra", "local/default/a")] * 2
    )


def test_a_job_that_ran_once_is_not_made_again():
    once = {"scheduleType": "once", "timezone": "UTC"}

    assert only(spec(**once, runAt=NOW - timedelta(days=1)), known=[]).kind is Kind.PAST
    assert only(spec(**once, runAt=NOW + timedelta(days=1)), known=[]).kind is Kind.CREATE


def test_nothing_waits_for_a_job_that_ran_once_and_is_gone():
    once = spec(jobName="a", scheduleType="once", runAt=NOW - timedelta(days=1), timezone="UTC")
    child = spec(jobName="child", dependsOn=["a"])
    waited_for_it = told(8, name="child", depends_on=(7,))

    assert kinds(plan([once, child], [waited_for_it], now=NOW)) == [
        ("past", "local/default/a"),
        ("unchanged", "local/default/child"),
    ]
    made = plan([once, child], [], now=NOW)[1]
    assert (made.kind, made.parents) == (Kind.CREATE, ())


def test_a_time_without_an_offset_is_read_in_the_zone_of_the_job():
    said = {"scheduleType": "once", "runAt": "2026-12-01T09:00:00", "timezone": "Asia/Shanghai"}
    at_nine = datetime.fromisoformat("2026-12-01T09:00:00+08:00")
    there = told(schedule_type=ScheduleType.ONCE, run_at=at_nine, timezone="Asia/Shanghai")

    assert only(spec(**said), known=[there]).kind is Kind.UNCHANGED


def test_dependencies_are_named_and_compared_by_name():
    child = spec(jobName="child", dependsOn=["default/a"])
    known = [told(7), told(8, name="child", depends_on=(7,))]

    assert kinds(plan([spec(), child], known, now=NOW)) == [
        ("unchanged", "local/default/a"),
        ("unchanged", "local/default/child"),
    ]


@pytest.mark.parametrize(
    ("name", "why"), [("nobody", "there is no such job"), ("a", "it is in 2 groups")]
)
def test_a_dependency_that_is_not_one_job_is_refused(name, why):
    child = spec(jobName="child", dependsOn=[name])

    with pytest.raises(StartRefused, match=why):
        plan([spec(), spec(jobGroup="other"), child], [], now=NOW)


def test_jobs_are_made_after_those_they_depend_on_and_deleted_before_them():
    specs = [spec(dependsOn=["z"]), spec(jobName="z")]
    known = [told(1, name="p"), told(2, name="q", depends_on=(1,))]

    steps = ordered(plan(specs, known, now=NOW, prune=True))

    assert [(step.kind.value, step.key.name) for step in steps] == [
        ("create", "z"),
        ("create", "a"),
        ("delete", "q"),
        ("delete", "p"),
    ]


def test_a_circle_is_refused_with_its_path():
    specs = [spec(dependsOn=["b"]), spec(jobName="b", dependsOn=["a"])]

    with pytest.raises(StartRefused, match=r"a circle: local/default/. → local/default/. →"):
        ordered(plan(specs, [], now=NOW))


def test_people_are_told_of_each_change_field_by_field():
    known = [told(timeout_seconds=9, status=JobStatus.RUNNING), told(2, name="b")]

    steps = plan([spec(status="stopped", description="新")], known, now=NOW)

    assert [line for step in steps for line in lines_of(step)] == [
        "~ update  local/default/a",
        '            description: "" → "新"',
        "            timeoutSeconds: 9 → 0",
        '            status: "running" → "stopped"',
        "? extra   local/default/b  (exists, is not written down: --prune deletes it)",
    ]
    assert summary(steps) == "1 update, 0 unchanged, 1 extra"


def test_a_file_that_is_wrong_names_the_job_and_the_field(tmp_path):
    path = tmp_path / "jobs.yaml"
    path.write_text("jobs:\n- {jobName: a, handlerName: b, colour: red}\n- {handlerName: b}\n")

    with pytest.raises(StartRefused) as refusal:
        read_specs(path)

    assert "job 'a': colour: there is no such field" in str(refusal.value)
    assert "job 2: jobName: Field required" in str(refusal.value)
