from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import asyncpg
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from admin_bridge.console import AdminGroup, ConsoleUnreachable
from executor.model import RunState
from scheduler.mirror.mirror import Mirror
from scheduler.mirror_settings import MirrorSection
from scheduler.recorder import Recorder
from tests.integration.memory_admin import APP, GROUP, T0, MemoryAdmin, MemoryAdmins
from tests.integration.mirror_stage import SCHEMA, Stage
from tests.reports import a_report


@pytest.fixture
def stage(sql: asyncpg.Connection) -> Stage:
    return Stage(sql, MemoryAdmin())


async def test_jobs_of_our_groups_are_copied_and_no_others(stage: Stage) -> None:
    stage.admin.job(
        1,
        running=True,
        schedule_type="CRON",
        schedule_conf="0 0 3 * * ?",
        route="FAILOVER",
        children=(2,),
        retry_count=3,
    )
    stage.admin.job(2)
    stage.admin.job(3, group_id=1)

    await stage.go(5)

    first, second = await stage.jobs()
    assert (first["job_no"], first["job_name"], first["job_group"]) == ("XXL-main-1", "job 1", APP)
    assert (first["schedule_type"], first["cron_expression"]) == ("cron", "0 0 3 * * ?")
    assert (first["status"], first["next_run_time"]) == ("running", T0 + timedelta(hours=1))
    fields = json.loads(first["admin_fields"])
    assert (fields["route"], fields["children"], fields["group_id"]) == ("FAILOVER", [2], GROUP)
    assert (second["status"], second["next_run_time"]) == ("stopped", None)
    assert await stage.audited() == []


async def test_an_admin_that_was_never_copied_has_its_trouble_written_down(stage: Stage) -> None:
    told = f"SELECT group_id, error FROM {SCHEMA}.schedule_mirror"
    stage.admin.fault = ConsoleUnreachable("nobody is there")
    await stage.go(20)
    assert [tuple(row) for row in await stage.connection.fetch(told)] == [(0, "nobody is there")]

    stage.admin.fault = None
    stage.admin.job(1)
    await stage.go(60)

    assert [tuple(row) for row in await stage.connection.fetch(told)] == [(GROUP, "")]
    assert [row["deleted_at"] for row in await stage.jobs()] == [None]


async def test_what_is_done_in_the_console_is_seen_in_time_and_audited(stage: Stage) -> None:
    stage.admin.job(1)
    stage.admin.job(2)
    await stage.go(60)
    stage.admin.job(1, running=True, params="new", route="LAST")
    stage.admin.jobs.pop(2)
    stage.admin.job(3)

    await stage.go(10)

    rows = await stage.jobs("job_no, params, status, version, deleted_at IS NOT NULL AS gone")
    assert [tuple(row) for row in rows] == [
        ("XXL-main-1", "new", "running", 2, False),
        ("XXL-main-2", "", "stopped", 2, True),
        ("XXL-main-3", "", "stopped", 1, False),
    ]
    found = [(actor, action, json.loads(detail)) for actor, action, detail in await stage.audited()]
    assert {actor for actor, _, _ in found} == {"admin:main"}
    assert ("update", {"changed": ["params", "route"]}) in [entry[1:] for entry in found]
    assert ("create", {"jobNo": "XXL-main-3"}) in [entry[1:] for entry in found]
    assert sorted(entry[1] for entry in found) == ["create", "delete", "start", "update"]


async def test_a_fire_changes_times_and_is_no_change_of_people(stage: Stage) -> None:
    job = stage.admin.job(1, running=True)
    await stage.go(60)
    later = T0 + timedelta(hours=2)
    stage.admin.jobs[1] = replace(job, next_trigger=later, last_trigger=T0)

    await stage.go(10)

    (row,) = await stage.jobs()
    assert (row["next_run_time"], row["version"]) == (later, 1)
    assert await stage.audited() == []


async def test_a_pause_is_ours_and_ends_when_the_console_starts_the_job(stage: Stage) -> None:
    stage.admin.job(1)
    await stage.go(5)
    await stage.connection.execute(f"UPDATE {SCHEMA}.schedule_job SET status = 'paused'")

    stage.admin.job(1, params="x")
    await stage.go(10)
    assert [row["status"] for row in await stage.jobs()] == ["paused"]

    stage.admin.job(1, running=True)
    await stage.go(10)
    assert [row["status"] for row in await stage.jobs()] == ["running"]


async def test_a_placeholder_of_the_recorder_is_filled(engine: AsyncEngine, stage: Stage) -> None:
    await Recorder(engine).record([a_report(RunState.RUNNING, log_id=5, job_id=1)])
    stage.admin.job(1, params="real")

    await stage.go(5)

    (row,) = await stage.jobs()
    assert (row["job_name"], row["params"]) == ("job 1", "real")
    assert row["mirrored_at"] is not None


async def test_runs_of_a_job_that_is_gone_there_name_a_deleted_job(stage: Stage) -> None:
    stage.admin.job(1)
    stage.admin.run(T0 - timedelta(hours=1), job_id=77)

    await stage.go(5)

    rows = await stage.jobs("job_no, deleted_at IS NOT NULL AS gone")
    assert [tuple(row) for row in rows] == [("XXL-main-1", False), ("XXL-main-77", True)]
    assert len(await stage.runs()) == 1


async def test_job_ids_of_a_wiped_database_overwrite_no_job(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    stage.admin.job(1, params="old")
    stage.admin.run(T0 - timedelta(hours=1))
    await stage.go(5)
    old = stage.admin.jobs.pop(1)
    stage.admin.job(1, params="new")
    assert old.added_at is not None
    later = old.added_at + timedelta(days=9, seconds=77)
    stage.admin.jobs[1] = replace(stage.admin.jobs[1], added_at=later)

    await stage.go(20)

    rows = await stage.jobs("id, params, deleted_at IS NOT NULL AS gone")
    assert [(row["params"], row["gone"]) for row in rows] == [("old", True), ("new", False)]
    assert [row["job_id"] for row in await stage.runs()] == [rows[0]["id"]]
    assert "admin_jobs_replaced" in capsys.readouterr().out


async def test_a_wiped_database_whose_group_id_is_somebody_elses_leaves_ours_alone(
    stage: Stage,
) -> None:
    for job_id in range(1, 6):
        stage.admin.job(job_id)
    await stage.go(5)
    stage.admin.groups = [AdminGroup(GROUP, "someone-else", "theirs", True, ())]
    stage.admin.jobs.clear()
    stage.admin.job(1, params="theirs")

    await stage.go(60)

    rows = await stage.jobs("params, deleted_at")
    assert [tuple(row) for row in rows] == [("", None)] * 5


async def test_jobs_in_other_zones_of_the_console_are_the_same_jobs(stage: Stage) -> None:
    """As after an upgrade to a version that writes its dates otherwise."""
    job = stage.admin.job(1)
    await stage.go(5)
    assert job.added_at is not None
    stage.admin.jobs[1] = replace(job, added_at=job.added_at + timedelta(hours=8))

    await stage.go(20)

    assert len(await stage.jobs()) == 1


async def test_refreshing_shows_a_job_at_once_and_audits_nothing(
    engine: AsyncEngine, stage: Stage
) -> None:
    mirror = Mirror(
        engine,
        MemoryAdmins(stage.admin),
        clusters=(),
        section=MirrorSection(),
        timezone="UTC",
    )
    stage.admin.job(1)
    await stage.go(5)
    stage.admin.job(1, params="x")
    stage.admin.job(9)

    known = await mirror.refresh_job("main", 1)
    made = await mirror.refresh_job("main", 9)
    assert await mirror.refresh_job("main", 10) is None
    stage.admin.jobs.pop(9)
    assert await mirror.refresh_job("main", 9) is None

    rows = await stage.jobs("id, params, version, deleted_at IS NOT NULL AS gone")
    assert [tuple(row) for row in rows] == [(known, "x", 2, False), (made, "", 2, True)]
    await stage.go(20)
    assert await stage.audited() == []


async def test_a_row_of_the_log_is_recorded_at_once(engine: AsyncEngine, stage: Stage) -> None:
    mirror = Mirror(
        engine,
        MemoryAdmins(stage.admin),
        clusters=(),
        section=MirrorSection(),
        timezone="UTC",
    )
    stage.admin.job(1)
    stage.admin.run(T0, handle=0, log_id=5)

    log_id = await mirror.record_log("main", stage.admin.logs[5])
    await stage.go(5)

    assert [row["id"] for row in await stage.runs()] == [log_id]


async def test_a_job_of_a_second_group_of_ours_is_found_there(
    engine: AsyncEngine, stage: Stage
) -> None:
    stage.admin.groups.append(AdminGroup(5, APP, "ours too", True, ()))
    stage.admin.job(1)
    stage.admin.job(9, group_id=5)
    await stage.go()
    doors = MemoryAdmins(stage.admin)
    mirror = Mirror(engine, doors, clusters=(), section=MirrorSection(), timezone="UTC")

    assert await mirror.refresh_job("main", 9) is not None
    assert [row["deleted_at"] for row in await stage.jobs()] == [None, None]
