"""A wiped Admin gives its ids to others: which run is whose."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import asyncpg
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from scheduler.mirror.agenda import Kind, Task
from scheduler.mirror_settings import MirrorSection
from scheduler.recorder import Recorder
from tests.integration.memory_admin import GROUP, T0, MemoryAdmin, MemoryAdmins
from tests.integration.mirror_stage import Stage
from tests.reports import a_report


@pytest.fixture
async def stage(sql: asyncpg.Connection) -> Stage:
    admin = MemoryAdmin()
    admin.job(1)
    return Stage(sql, admin, MirrorSection(page_size=10))


def wipe(admin: MemoryAdmin, *, at: datetime) -> None:
    """Lose the database; somebody makes another job, which has the first one's id."""
    for table in (admin.logs, admin.exact, admin.jobs):
        table.clear()
    admin.job(1, name="another")
    admin.jobs[1] = replace(admin.jobs[1], added_at=at.replace(microsecond=0))


async def run_of_ours(stage: Stage, recorder: Recorder, log_id: int) -> None:
    """A run that our own executor has: it is recorded here, and stands in the Admin's log."""
    at = stage.time.now
    began = round(at.timestamp() * 1000)
    stage.admin.run(at, log_id=log_id)
    report = a_report(
        log_id=log_id, job_id=1, triggered_ms=began, started_ms=began + 2, ended_ms=began + 52
    )
    await recorder.record([report])


async def runs_by_job(stage: Stage) -> dict[str, list[int]]:
    """The log ids of each job's runs, oldest first."""
    names = {row["id"]: row["job_name"] for row in await stage.jobs()}
    runs = sorted(await stage.runs(), key=lambda row: row["trigger_time"])
    return {
        name: [run["admin_log_id"] for run in runs if run["job_id"] == job_id]
        for job_id, name in names.items()
    }


async def test_runs_of_our_executor_go_to_the_job_that_has_the_id_now(
    engine: AsyncEngine, stage: Stage
) -> None:
    recorder = Recorder(engine)
    await stage.go()
    await run_of_ours(stage, recorder, 7)
    await stage.go()

    wipe(stage.admin, at=stage.time.now)
    await stage.go(60)
    recorder.forget_job((await stage.jobs())[0]["id"])  # as the notification has it do
    await run_of_ours(stage, recorder, 1)

    assert await runs_by_job(stage) == {"job 1": [7], "another": [1]}


async def test_a_run_that_was_recorded_before_the_wipe_was_known_is_moved_to_its_job(
    engine: AsyncEngine, stage: Stage
) -> None:
    recorder = Recorder(engine)
    await stage.go()
    await run_of_ours(stage, recorder, 7)
    await stage.go()

    wipe(stage.admin, at=stage.time.now)
    await stage.time.sleep(120)
    await run_of_ours(stage, recorder, 1)
    await stage.go()

    assert await runs_by_job(stage) == {"job 1": [7], "another": [1]}
    assert await stage.counted() == (2, 2, 0)
    counted = "SELECT execute_count FROM qooerp_scheduler.schedule_job_statistics ORDER BY job_id"
    assert [row[0] for row in await stage.connection.fetch(counted)] == [1, 1]


async def test_the_first_rows_of_a_new_log_wait_for_its_jobs(stage: Stage) -> None:
    for n in range(5):
        stage.admin.run(T0 - timedelta(minutes=30 - n))
    await stage.go(120)
    logs = Task(Kind.LOGS, GROUP)
    while stage.mirror._agenda.next(stage.time.elapsed())[0] != logs:
        await stage.step()

    wipe(stage.admin, at=stage.time.now)
    stage.admin.run(stage.time.now, log_id=1)
    await stage.go()

    assert await runs_by_job(stage) == {"job 1": [1, 2, 3, 4, 5], "another": [1]}


async def test_a_group_that_was_named_and_has_other_jobs_now_is_left_alone(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    doors = MemoryAdmins(stage.admin)
    doors.named = GROUP
    stage.doors = doors
    stage.restart()
    stage.admin.run(T0 - timedelta(minutes=5))
    await stage.go(60)

    wipe(stage.admin, at=stage.time.now)
    stage.admin.run(stage.time.now, log_id=1, params="theirs")
    await stage.go(3600)

    assert await runs_by_job(stage) == {"job 1": [1]}
    assert [run["params"] for run in await stage.runs()] == ["p"]
    assert "has other jobs than before" in capsys.readouterr().out
