"""An Admin whose clock, or whose zone, is not what it seems."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import asyncpg
import pytest

from scheduler.mirror_settings import MirrorSection
from tests.integration.memory_admin import T0, MemoryAdmin
from tests.integration.mirror_stage import Stage


@pytest.fixture
async def stage(sql: asyncpg.Connection) -> Stage:
    admin = MemoryAdmin()
    admin.job(1)
    return Stage(sql, admin, MirrorSection(page_size=10))


async def seen(stage: Stage) -> list[int]:
    return [row["admin_log_id"] for row in await stage.runs("admin_log_id")]


async def test_a_row_from_the_future_hides_none_of_those_that_follow(stage: Stage) -> None:
    for n in range(5):
        stage.admin.run(T0 - timedelta(minutes=30 - n))
    await stage.go()
    stage.admin.run(stage.time.now + timedelta(hours=6))
    await stage.go(60)
    stage.restart()
    for _ in range(30):
        stage.admin.run(stage.time.now, handle=500)
        await stage.go(2)

    await stage.go(30)

    assert await seen(stage) == sorted(stage.admin.logs)


async def test_a_first_copy_is_of_the_last_days_though_a_row_is_from_the_future(
    stage: Stage,
) -> None:
    for n in range(30):
        stage.admin.run(T0 - timedelta(minutes=30 - n))
    stage.admin.run(T0 + timedelta(days=4000))

    await stage.go(60)

    assert await seen(stage) == sorted(stage.admin.logs)


async def test_a_mark_in_the_future_that_was_stored_is_not_believed(stage: Stage) -> None:
    stage.admin.run(T0 - timedelta(minutes=30))
    await stage.go()
    await stage.connection.execute(
        "UPDATE qooerp_scheduler.schedule_mirror SET logs_until = now() + interval '9 years'"
    )
    stage.restart()

    stage.admin.run(stage.time.now)
    await stage.go()

    assert await seen(stage) == [1, 2]


@pytest.mark.parametrize("hours", [-1, 1])
async def test_a_zone_that_has_moved_while_we_were_away_doubles_no_run(
    stage: Stage, capsys: pytest.CaptureFixture[str], hours: int
) -> None:
    for n in range(20):
        stage.admin.run(T0 - timedelta(minutes=90 - n))
    await stage.go(60)
    for log_id, log in stage.admin.logs.items():
        moved = log.triggered_at + timedelta(hours=hours)
        stage.admin.logs[log_id] = replace(log, triggered_at=moved)
    stage.restart()

    await stage.go(24 * 3600)

    assert len(await stage.runs()) == 20
    said = capsys.readouterr().out
    assert f"have moved by {hours:+d} h" in said
    assert "admin_wiped" not in said
