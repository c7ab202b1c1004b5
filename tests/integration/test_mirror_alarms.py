"""What of an Admin's log may be an alarm."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from tests.integration.memory_admin import MemoryAdmin
from tests.integration.mirror_stage import SCHEMA, Stage, Time

HOUR = timedelta(hours=1)


@pytest.fixture
async def stage(sql: asyncpg.Connection) -> Stage:
    admin = MemoryAdmin()
    admin.job(1)
    return Stage(sql, admin, time=Time(datetime.now(UTC)))


async def noted(stage: Stage) -> set[int]:
    """The log ids of runs that the alarms are told of."""
    rows = await stage.connection.fetch(
        f"SELECT l.admin_log_id FROM {SCHEMA}.schedule_alarm_event e"
        f" JOIN {SCHEMA}.schedule_log l ON l.id = e.log_id"
    )
    return {row[0] for row in rows}


async def test_a_failure_is_noted_and_history_is_not(stage: Stage) -> None:
    now = stage.time.now
    for ago in (20 * 24 * HOUR, 25 * HOUR, 2 * HOUR):
        stage.admin.run(now - ago, handle=500)
    fresh = stage.admin.run(now - HOUR / 2, handle=500)
    long = stage.admin.run(now - 5 * HOUR, handle=0)
    await stage.go(5)
    assert await noted(stage) == {fresh}

    stage.admin.end(long, 500, after_s=5 * 3600)
    await stage.go(4000)

    assert await noted(stage) == {fresh, long}
