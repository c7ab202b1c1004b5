"""The mirror against fake Admins of every generation, over HTTP, and among replicas."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import asyncpg
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from executor.testing.fake_console import FakeConsole
from scheduler.database import open_database
from scheduler.mirror.mirror import Mirror
from tests.integration.console_stage import BUSY, a_stage, consoles_of
from tests.integration.mirror_stage import SCHEMA, Stage

LIMIT_S = 20.0


def a_run(admin: FakeConsole, job_id: int, *, at_s: int, code: int = 200) -> None:
    now = admin.now_ms()
    row = admin.log(job_id, at_ms=now - at_s * 1000, trigger_code=200, handler="work")
    if code:
        row.finish(code, "done", at_ms=now - at_s * 1000 + 500)


async def until(stage: Stage, holds: Callable[[], Awaitable[bool]]) -> None:
    """Copy until something holds."""
    async with asyncio.timeout(LIMIT_S):
        while not await holds():
            await stage.step()


@pytest.mark.parametrize("generation", ["2.4", "3.2", "3.4"])
@pytest.mark.parametrize("zone", ["UTC", "Asia/Shanghai"])
async def test_every_generation_is_copied(
    sql: asyncpg.Connection, generation: str, zone: str
) -> None:
    async with FakeConsole(generation, zone=zone) as admin, a_stage(sql, admin) as stage:
        job_id = admin.add_job("work", scheduleType="CRON", scheduleConf="0 0 3 * * ?")
        admin.switch(job_id, on=True)
        for n in range(25):
            a_run(admin, job_id, at_s=3600 * n + 100, code=500 if n % 5 else 200)

        await until(stage, lambda: there(stage, 25))

        (job,) = await stage.jobs()
        assert (job["status"], job["cron_expression"]) == ("running", "0 0 3 * * ?")
        assert await stage.counted() == (25, 5, 20)
        times = {row["admin_log_id"]: row["trigger_time"] for row in await stage.runs()}
        assert times == {
            row.log_id: datetime.fromtimestamp(row.trigger_ms // 1000, UTC)
            for row in admin.rows.values()
        }


async def there(stage: Stage, runs: int) -> bool:
    return len(await stage.runs()) >= runs


FAULTS = {
    "a page of HTML": {"fault": "http_status", "status": 200},
    "a redirect": {"fault": "redirect"},
    "a refusal": {"fault": "refuse", "message": "not today"},
    "400": {"fault": "http_status", "status": 400},
    "500": {"fault": "http_status", "status": 500},
    "half an answer": {"fault": "half"},
    "no answer": {"fault": "drop"},
    "a closed port": {"fault": "unreachable"},
    "the login page": {"fault": "login_page"},
}


@pytest.mark.parametrize("what", FAULTS)
async def test_bad_answers_are_said_and_cost_nothing(
    sql: asyncpg.Connection, capsys: pytest.CaptureFixture[str], what: str
) -> None:
    async with FakeConsole("3.4") as admin, a_stage(sql, admin) as stage:
        job_id = admin.add_job("work")
        for n in range(5):
            a_run(admin, job_id, at_s=100 * n + 100)
        await until(stage, lambda: there(stage, 5))
        before = [tuple(row) for row in await stage.runs()]
        jobs = [tuple(row) for row in await stage.jobs()]
        async with admin.fault(**FAULTS[what]):  # type: ignore[arg-type]
            await stage.go(60)
            assert "mirror_waits" in capsys.readouterr().out
            error = await sql.fetchval(f"SELECT error FROM {SCHEMA}.schedule_mirror")
            assert error
            assert [tuple(row) for row in await stage.runs()] == before
            assert [tuple(row) for row in await stage.jobs()] == jobs
            a_run(admin, job_id, at_s=1)

        await until(stage, lambda: there(stage, 6))

        assert "mirror_works_again" in capsys.readouterr().out
        assert await stage.counted() == (6, 6, 0)


async def test_after_a_kill_the_copy_goes_on_where_it_was(sql: asyncpg.Connection) -> None:
    async with FakeConsole("3.4") as admin, a_stage(sql, admin) as stage:
        job_id = admin.add_job("work")
        for n in range(400):
            a_run(admin, job_id, at_s=3600 + 60 * n)
        await until(stage, lambda: there(stage, 100))
        known = len(await stage.runs())
        assert known < 400
        until_then = await sql.fetchval(f"SELECT logs_until FROM {SCHEMA}.schedule_mirror")

        stage.restart()
        await until(stage, lambda: there(stage, 400))

        assert until_then is not None
        assert await stage.counted() == (400, 400, 0)


async def test_one_replica_copies_and_another_goes_on_when_it_dies(
    database_url: str, engine: AsyncEngine, sql: asyncpg.Connection
) -> None:
    async with FakeConsole("3.4") as admin:
        job_id = admin.add_job("work")
        a_run(admin, job_id, at_s=100)
        consoles = consoles_of(admin)
        ready = asyncio.Event()
        ready.set()
        engines = [engine, open_database(database_url)]
        replicas = [
            Mirror(one, consoles, clusters=["main"], section=BUSY, timezone="UTC")
            for one in engines
        ]
        for replica in replicas:
            replica.start(ready, lambda _: None)
        await _rows(sql, 1)
        held = (
            f"SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = {0x716D6972}"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
        assert await sql.fetchval(held) == 1

        await replicas[0].stop()
        a_run(admin, job_id, at_s=1)
        await _rows(sql, 2)

        await replicas[1].stop()
        await engines[1].dispose()
        await consoles.aclose()


async def _rows(sql: asyncpg.Connection, number: int) -> None:
    async with asyncio.timeout(LIMIT_S):
        while await sql.fetchval(f"SELECT count(*) FROM {SCHEMA}.schedule_log") < number:  # noqa: ASYNC110
            await asyncio.sleep(0.05)  # nobody tells


async def test_a_console_that_others_have_opened_anew_is_used_at_once(
    sql: asyncpg.Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    async with FakeConsole("3.4") as admin, a_stage(sql, admin) as stage:
        job_id = admin.add_job("work")
        a_run(admin, job_id, at_s=200)
        await until(stage, lambda: there(stage, 1))
        assert stage.doors is not None
        await stage.doors.forget("main")
        a_run(admin, job_id, at_s=1)

        await until(stage, lambda: there(stage, 2))

        assert "mirror_waits" not in capsys.readouterr().out


async def test_somebody_else_with_our_user_is_said_once(
    sql: asyncpg.Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    async with FakeConsole("3.4") as admin, a_stage(sql, admin) as stage:
        for _ in range(6):
            await stage.go(3)
            admin.sign_in_elsewhere("mirror")
        await stage.go(3)

        assert capsys.readouterr().out.count("console_user_shared") == 1


@pytest.mark.parametrize("generation", ["2.4", "3.2", "3.4"])
async def test_a_user_of_role_0_copies_the_group_that_is_named(
    generation: str, sql: asyncpg.Connection
) -> None:
    async with FakeConsole(generation) as admin, a_stage(sql, admin, group_id=1) as stage:
        a_run(admin, admin.add_job("work"), at_s=100)

        await until(stage, lambda: there(stage, 1))

        assert [job["job_group"] for job in await stage.jobs()] == ["qooerp-scheduler"]
