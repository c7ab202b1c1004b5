"""The product's own handlers, on a real database: clean-up, report, backup."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import asyncpg
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from executor.clock import SystemClock
from executor.model import RunState
from executor.testing.run import Outcome, run_handler
from handlers.backup import data_backup
from handlers.data_cleanup import data_cleanup
from handlers.report import statistics_report
from scheduler.demo_data import JOBS
from scheduler.job_service import JobService
from tests.integration.api_service import ALL_HANDLERS, an_api
from tests.integration.backup_stage import SCHEMA, everything, fill_demo

Run = Callable[..., Outcome]


@pytest.fixture
def run(database_url: str, tmp_path: Path) -> Run:
    """Run a handler as the service would, on the test's database."""
    resources = {"database": database_url, "data_dir": str(tmp_path), "timezone": "Asia/Shanghai"}

    def run(handler: Callable[..., object], params: str = "") -> Outcome:
        return run_handler(handler, params, resources=resources)

    return run


async def add_run(sql: asyncpg.Connection, age: str) -> None:
    moment = f"date_trunc('second', now() - interval '{age}')"
    await sql.execute(f"SELECT {SCHEMA}.ensure_log_partition({moment})")
    await sql.execute(
        f"INSERT INTO {SCHEMA}.schedule_log (cluster, admin_log_id, trigger_time, job_id,"
        f" trigger_type, status, scheduled_time)"
        f" VALUES ('local', 1, {moment}, 1, 'api', 'succeeded', {moment})"
    )


async def add_alarms(sql: asyncpg.Connection, age: str, number: int = 1) -> None:
    await sql.execute(
        f"INSERT INTO {SCHEMA}.schedule_notify (notify_type, level, title, create_time)"
        f" SELECT 'failure', 'error', 'x', now() - interval '{age}' FROM generate_series(1, $1)",
        number,
    )


async def add_messages(sql: asyncpg.Connection, age: str) -> None:
    """One that went out, and the same in the page."""
    await sql.execute(
        f"WITH sent AS (INSERT INTO {SCHEMA}.schedule_delivery (channel, state, create_time)"
        f" VALUES ('in_site', 'sent', now() - interval '{age}') RETURNING id, create_time)"
        f" INSERT INTO {SCHEMA}.schedule_message (user_name, delivery_id, level, title, create_time)"
        " SELECT 'ann', id, 'error', 'x', create_time FROM sent"
    )


async def add_changes(sql: asyncpg.Connection, *ages: str) -> None:
    for age in ages:
        await sql.execute(
            f"INSERT INTO {SCHEMA}.schedule_audit (at, actor, action, subject)"
            f" VALUES (now() - interval '{age}', 'ann', 'execute', 'job')"
        )


async def held(sql: asyncpg.Connection) -> tuple[int, int]:
    """How many runs and alarms there are."""
    runs = await sql.fetchval(f"SELECT count(*) FROM {SCHEMA}.schedule_log")
    return runs, await sql.fetchval(f"SELECT count(*) FROM {SCHEMA}.schedule_notify")


async def test_months_of_runs_and_alarms_go_when_they_are_too_old(
    run: Run, sql: asyncpg.Connection
) -> None:
    for age in ("400 days", "200 days", "1 day"):
        await add_run(sql, age)
    await add_alarms(sql, "400 days", 5001)
    await add_alarms(sql, "1 day")
    for age in ("400 days", "1 day"):
        await add_messages(sql, age)

    outcome = run(data_cleanup, "keep_log_days=120 keep_notify_days=120")

    assert outcome.state is RunState.SUCCEEDED, outcome
    assert await held(sql) == (1, 1)
    for table in ("schedule_delivery", "schedule_message"):
        assert await sql.fetchval(f"SELECT count(*) FROM {SCHEMA}.{table}") == 1
    assert re.fullmatch(
        r"dropped schedule_log_\w+, schedule_log_\w+, 5001 alarms and 0 rows of the audit",
        outcome.message,
    )


async def test_the_audit_is_kept_for_a_year_or_as_long_as_is_said(
    run: Run, sql: asyncpg.Connection
) -> None:
    await add_changes(sql, "400 days", "200 days", "1 day")
    left = f"SELECT count(*) FROM {SCHEMA}.schedule_audit"

    assert "1 rows of the audit" in run(data_cleanup).message
    assert await sql.fetchval(left) == 2
    assert "1 rows of the audit" in run(data_cleanup, "keep_audit_days=100").message
    assert await sql.fetchval(left) == 1


async def test_a_month_goes_on_the_day_when_all_of_it_is_too_old(
    run: Run, sql: asyncpg.Connection
) -> None:
    await add_run(sql, "40 days")
    days = await sql.fetchval(
        "SELECT extract(day FROM now() - (month + interval '1 month'))::int"
        " FROM date_trunc('month', now() - interval '40 days', 'UTC') AS month"
    )

    assert "no month" in run(data_cleanup, f"keep_log_days={days + 1}").message
    assert await held(sql) == (1, 0)
    assert "no month" not in run(data_cleanup, f"keep_log_days={days}").message
    assert await held(sql) == (0, 0)


async def test_a_rehearsal_of_the_clean_up_changes_nothing(
    run: Run, sql: asyncpg.Connection
) -> None:
    await add_run(sql, "400 days")
    await add_alarms(sql, "400 days")
    await add_changes(sql, "400 days")

    assert re.fullmatch(
        r"would drop schedule_log_\w+, 1 alarms and 1 rows of the audit",
        run(data_cleanup, "dry_run=true").message,
    )
    assert await held(sql) == (1, 1)
    assert await sql.fetchval(f"SELECT count(*) FROM {SCHEMA}.schedule_audit") == 1


async def test_the_recorder_goes_on_after_a_clean_up(
    run: Run, sql: asyncpg.Connection, engine: AsyncEngine, tmp_path: Path
) -> None:
    await add_run(sql, "400 days")
    run(data_cleanup)

    assert await fill_demo(engine, tmp_path) == len(JOBS)


async def test_the_report_holds_what_the_statistics_do(
    run: Run, sql: asyncpg.Connection, engine: AsyncEngine, tmp_path: Path
) -> None:
    await fill_demo(engine, tmp_path)
    await sql.execute(f"UPDATE {SCHEMA}.schedule_job SET job_name = '=1+1 <b>&' WHERE id = 1")

    outcome = run(statistics_report, "days=10 top=3")

    assert outcome.state is RunState.SUCCEEDED, outcome
    [table] = (tmp_path / "reports").glob("*.csv")
    [page] = (tmp_path / "reports").glob("*.html")
    with table.open(encoding="utf-8-sig", newline="") as file:
        lines = list(csv.DictReader(file))
    counted = await sql.fetchrow(
        f"SELECT count(*), sum(execute_count), sum(fail_count) FROM {SCHEMA}.schedule_job_daily"
    )
    assert counted is not None
    assert (len(lines), *(sum(int(line[name]) for line in lines) for name in _COUNTS)) == (
        *counted,
    )
    assert {line["job_name"] for line in lines if line["job_id"] == "1"} == {"'=1+1 <b>&"}
    assert f"{counted[1]} runs" in outcome.message
    _check_page(page.read_text(encoding="utf-8-sig"), runs=counted[1])


_COUNTS = ("execute_count", "fail_count")


def _check_page(text: str, *, runs: int) -> None:
    assert "<b>" not in text
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")
    assert text.count("<tr>") == 1 + 3
    [svg] = re.findall(r"<svg.*?</svg>", text, re.DOTALL)
    titles = ElementTree.fromstring(svg).findall(".//{http://www.w3.org/2000/svg}title")
    assert sum(int((title.text or "").split(": ")[1]) for title in titles) == runs


async def test_a_report_of_days_without_runs_is_one(run: Run, tmp_path: Path) -> None:
    outcome = run(statistics_report)

    assert outcome.state is RunState.SUCCEEDED, outcome
    [table] = (tmp_path / "reports").glob("*.csv")
    assert table.read_text(encoding="utf-8-sig").splitlines()[0].startswith("day,job_id,")
    assert table.parent.stat().st_mode & 0o077 == 0  # it names jobs: for the service's user only


async def test_what_a_killed_backup_has_left_goes_with_the_next_one(
    run: Run, tmp_path: Path
) -> None:
    abandoned, under_way = (tmp_path / "backups" / f".unfinished-{name}" for name in ("old", "new"))
    for folder in (abandoned, under_way):
        folder.mkdir(parents=True)
        (folder / "schedule_job.copy").touch()
    for path in (abandoned / "schedule_job.copy", abandoned, under_way):
        os.utime(path, (0, 0))

    run(data_backup)

    assert not abandoned.exists()
    assert under_way.exists()  # its file was written just now


async def test_so_many_backups_are_kept_and_no_more(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    for day in range(1, 6):
        (folder / f"backup-2026010{day}T000000Z-1.tar.gz").touch()
        (folder / f"backup-2026010{day}T000000Z-1.tar.gz.sha256").touch()

    run(data_backup, "keep=2")

    kept = sorted(path.name for path in folder.iterdir())
    assert len(kept) == 4
    assert kept[0].startswith("backup-20260105")


async def test_a_backup_that_comes_late_does_not_delete_itself(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    for day in range(1, 4):  # of triggers that came after the one that is late
        (folder / f"backup-2999010{day}T000000Z-1.tar.gz").touch()

    outcome = run(data_backup, "keep=2")

    made = outcome.message.partition(":")[0]
    kept = {path.name for path in folder.glob("*.tar.gz")}
    assert kept == {made, "backup-29990103T000000Z-1.tar.gz"}


@pytest.mark.parametrize("handler", [data_cleanup, statistics_report, data_backup])
def test_an_executor_alone_says_what_is_missing(handler: Any) -> None:
    outcome = run_handler(handler)

    assert outcome.state is RunState.FAILED
    assert "this executor has no" in outcome.message


async def test_in_the_service_they_find_its_database(tmp_path: Path, database_url: str) -> None:
    async with an_api(tmp_path, database_url, handlers__modules=ALL_HANDLERS) as api:
        for handler in ("dataCleanup", "statisticsReport", "dataBackup"):
            job = await api.a_job(handlerName=handler)
            run = await api.a_run(job["id"])
            assert run["status"] == "succeeded", run


async def test_the_demo_data_are_made_once(
    engine: AsyncEngine, sql: asyncpg.Connection, tmp_path: Path
) -> None:
    assert await fill_demo(engine, tmp_path) == len(JOBS)
    before = await everything(sql)
    assert await fill_demo(engine, tmp_path) == 0
    assert await everything(sql) == before

    zones = await sql.fetch(f"SELECT DISTINCT timezone FROM {SCHEMA}.schedule_job")
    assert [zone for (zone,) in zones] == ["Asia/Shanghai"]
    kinds = await sql.fetch(f"SELECT DISTINCT schedule_type, status FROM {SCHEMA}.schedule_job")
    assert {kind for kind, _ in kinds} == {"cron", "interval", "once", "none"}
    assert {status for _, status in kinds} == {"running", "stopped", "paused"}
    states = await sql.fetch(f"SELECT DISTINCT status FROM {SCHEMA}.schedule_log")
    assert {state for (state,) in states} == {"succeeded", "failed", "timed_out", "killed"}
    assert before["schedule_alarm_event"] == []  # nobody needs to be called for what is made up


async def test_what_is_missing_of_the_demo_data_is_made_again(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    await fill_demo(engine, tmp_path)
    jobs = JobService(engine, SystemClock(), timezone="UTC")
    await jobs.delete(1)

    assert await fill_demo(engine, tmp_path) == 1
