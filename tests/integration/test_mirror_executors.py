"""Executors of others: an Admin lists them no more, and the alarms say so where it matters."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import asyncpg
import pytest

from executor.testing.fake_console import FakeConsole, Row
from scheduler.alarm_settings import AlarmsSection
from scheduler.alarms.routing import People, Router
from scheduler.alarms.rule import Rules
from scheduler.alarms.scans import Scans
from scheduler.alarms.store import Keeper
from scheduler.mirror.agenda import Kind, Task
from scheduler.mirror_settings import MirrorSection
from tests.integration.console_stage import a_stage
from tests.integration.mirror_stage import SCHEMA, Stage

OTHER, STAYS, OURS = "http://other:9999/", "http://stays:9999/", "http://ours:9999"
GONE, BACK = (
    ("executor_gone", f"Executor {OTHER} is gone"),
    ("recovered", f"Executor {OTHER} is back"),
)
NOBODY = ("executor_gone", "Group qooerp-scheduler has no executor")
LOOK_S = 65
"""Within it the groups are looked at once at least."""


@pytest.fixture
async def admin() -> AsyncIterator[FakeConsole]:
    async with FakeConsole("3.4") as admin:
        yield admin


@pytest.fixture
async def stage(sql: asyncpg.Connection, admin: FakeConsole) -> AsyncIterator[Stage]:
    async with a_stage(sql, admin, section=MirrorSection()) as stage:
        yield stage


def a_job(admin: FakeConsole, *, on: bool = True) -> int:
    job_id = admin.add_job("work", scheduleType="CRON", scheduleConf="0 0 3 1 1 ?")
    admin.switch(job_id, on=on)
    return job_id


def open_run(admin: FakeConsole, job_id: int, address: str = OTHER, *, age_s: int = 100) -> Row:
    at_ms = admin.now_ms() - age_s * 1000
    return admin.log(job_id, at_ms=at_ms, trigger_code=200, executor_address=address)


async def told(stage: Stage) -> list[tuple[str, str]]:
    """What the alarms have said of executors until now, twice looked."""
    people = People({"admin": ["ann"]})
    wait, window = timedelta(seconds=1), timedelta(hours=9)
    router = Router(rules=Rules.of([]), people=people, wait=wait, window=window)
    sql = stage.connection
    for look in Scans(AlarmsSection(), "UTC").seldom * 2:
        async with sql.transaction():
            await Keeper(router, storm_s=15).keep(sql, await look(sql))
    rows = await sql.fetch(
        f"SELECT notify_type, title, suppressed FROM {SCHEMA}.schedule_notify"
        " WHERE notify_type IN ('executor_gone', 'recovered') ORDER BY id"
    )
    assert not any(row["suppressed"] for row in rows)
    return [(row["notify_type"], row["title"]) for row in rows]


@pytest.mark.parametrize("generation", ["2.4", "3.2", "3.4"])
async def test_an_executor_that_vanishes_under_a_run_is_gone_once_and_comes_back(
    generation: str, admin: FakeConsole, stage: Stage
) -> None:
    admin.upgrade(generation)
    admin.join(OTHER)
    admin.join(STAYS)
    open_run(admin, a_job(admin))
    await stage.go(LOOK_S)
    admin.lose(OTHER)
    await stage.go(LOOK_S)
    assert await told(stage) == []

    await stage.go(LOOK_S)
    assert await told(stage) == [GONE]
    stage.restart()
    await stage.go(3 * LOOK_S)
    assert await told(stage) == [GONE]

    admin.join(OTHER)
    await stage.go(LOOK_S)
    assert await told(stage) == [GONE, BACK]
    admin.lose(OTHER)
    await stage.go(2 * LOOK_S)
    assert await told(stage) == [GONE, BACK, GONE]


async def test_an_executor_that_leaves_without_runs_is_no_alarm(
    admin: FakeConsole, stage: Stage
) -> None:
    admin.join(OTHER)
    admin.join(STAYS)
    job_id = a_job(admin)
    open_run(admin, job_id).finish(200, "done", at_ms=admin.now_ms())
    open_run(admin, job_id, STAYS)
    await stage.go(LOOK_S)

    admin.lose(OTHER)
    await stage.go(3 * LOOK_S)

    assert await told(stage) == []
    rows = f"SELECT address FROM {SCHEMA}.schedule_executor WHERE gone_at > seen_at"
    assert [row[0] for row in await stage.connection.fetch(rows)] == [OTHER]


@pytest.mark.parametrize("age_s", [3600, 10])
async def test_a_run_that_ends_after_its_executor_has_left_the_registry_is_no_alarm(
    age_s: int, admin: FakeConsole, stage: Stage
) -> None:
    """One that is an hour old is asked after every twelve minutes, else; a new one is read soon."""
    admin.join(OTHER)
    admin.join(STAYS)
    job_id = a_job(admin)
    row = open_run(admin, job_id, age_s=age_s)
    open_run(admin, job_id, STAYS, age_s=5)
    await stage.go(LOOK_S)
    admin.lose(OTHER)
    await stage.go(LOOK_S)
    while stage.mirror._agenda.next(stage.time.elapsed())[0] != Task(Kind.GROUPS):
        await stage.step()

    row.finish(200, "done", at_ms=admin.now_ms())
    await stage.step()

    assert await told(stage) == []


async def test_a_run_that_our_executor_has_recorded_tells_nothing_of_others(
    admin: FakeConsole, stage: Stage
) -> None:
    admin.join(OTHER)
    admin.join(STAYS)
    open_run(admin, a_job(admin))
    await stage.go(LOOK_S)
    await stage.connection.execute(f"UPDATE {SCHEMA}.schedule_log SET revision = 1")

    admin.lose(OTHER)
    await stage.go(3 * LOOK_S)

    assert await told(stage) == []


@pytest.mark.parametrize("path", ["", "/main"])
async def test_a_replica_of_ours_leaves_its_group_empty_without_an_alarm(
    path: str, admin: FakeConsole, stage: Stage
) -> None:
    replicas = f"{SCHEMA}.schedule_replica"
    await stage.connection.execute(f"INSERT INTO {replicas} (id, address) VALUES ('r1', '{OURS}')")
    admin.join(OURS + path)
    open_run(admin, a_job(admin), OURS + path)
    await stage.go(LOOK_S)

    admin.lose(OURS + path)
    await stage.connection.execute(f"DELETE FROM {replicas}")
    await stage.go(5 * LOOK_S)

    assert await told(stage) == []


@pytest.mark.parametrize(("on", "alarms"), [(True, [NOBODY]), (False, [])])
async def test_a_group_that_has_become_empty_is_an_alarm_where_jobs_are_on(
    on: bool, alarms: list[tuple[str, str]], admin: FakeConsole, stage: Stage
) -> None:
    a_job(admin, on=on)
    await stage.go(3 * LOOK_S)
    assert await told(stage) == []
    admin.join(OTHER)
    await stage.go(LOOK_S)
    admin.lose(OTHER)

    await stage.go(4 * LOOK_S)

    assert await told(stage) == alarms
    admin.join(STAYS)
    await stage.go(LOOK_S)
    back = [("recovered", "Group qooerp-scheduler has executors")]
    assert await told(stage) == (alarms and alarms + back)


async def test_addresses_that_people_write_and_strike_are_no_executors_that_are_gone(
    admin: FakeConsole, stage: Stage
) -> None:
    admin.groups[1].manual = f"{OTHER},{STAYS}"
    open_run(admin, a_job(admin))
    await stage.go(LOOK_S)

    admin.groups[1].manual = STAYS
    await stage.go(3 * LOOK_S)

    assert await told(stage) == []


async def test_an_admin_that_was_away_and_lists_nobody_for_a_minute_raises_nothing(
    admin: FakeConsole, stage: Stage
) -> None:
    admin.join(OTHER)
    open_run(admin, a_job(admin))
    await stage.go(LOOK_S)
    admin.lose(OTHER)
    await stage.go(LOOK_S)
    async with admin.fault("http_status", status=500):
        await stage.go(3 * LOOK_S)

    await stage.go(LOOK_S / 2)
    assert await told(stage) == []
    admin.join(OTHER)
    await stage.go(2 * LOOK_S)

    assert await told(stage) == []


async def test_a_group_that_is_ours_no_more_takes_its_executors_along(
    admin: FakeConsole, stage: Stage
) -> None:
    admin.join(OTHER)
    second = admin.add_group("qooerp-scheduler", "ours too")
    await stage.go(LOOK_S)

    admin.groups[second].manual = OTHER
    admin.groups[1].app_name = "theirs"
    await stage.go(LOOK_S)
    listed = f"SELECT group_id, address, gone_at FROM {SCHEMA}.schedule_executor"
    rows = [tuple(row) for row in await stage.connection.fetch(listed)]

    assert rows == [(second, OTHER, None)]


@pytest.mark.parametrize("passes", ["month", "group"])
async def test_what_is_forgotten_while_it_is_gone_is_no_open_alarm(
    passes: str, admin: FakeConsole, stage: Stage
) -> None:
    admin.add_group("qooerp-scheduler", "ours too")
    admin.join(OTHER)
    open_run(admin, a_job(admin))
    await stage.go(LOOK_S)
    admin.lose(OTHER)
    await stage.go(3 * LOOK_S)
    before = await told(stage)
    rows = f"SELECT subject FROM {SCHEMA}.schedule_alarm_open ORDER BY subject"
    broken = [row[0].split(":")[0] for row in await stage.connection.fetch(rows)]

    if passes == "group":
        admin.groups[1].app_name = "theirs"
    await stage.connection.execute(
        f"UPDATE {SCHEMA}.schedule_executor SET gone_at = gone_at - interval '31 days'"
    )
    await stage.go(LOOK_S)
    left = [row[0].split(":")[0] for row in await stage.connection.fetch(rows)]

    assert broken == ["executor", "group"]
    assert left == ([] if passes == "group" else ["group"])
    assert await told(stage) == before
