from __future__ import annotations

from datetime import datetime, timedelta

import asyncpg
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from executor.model import RunState
from scheduler.mirror_settings import MirrorSection
from scheduler.recorder import Recorder
from tests.integration.memory_admin import T0, MemoryAdmin
from tests.integration.mirror_stage import Stage
from tests.reports import a_report


@pytest.fixture
async def stage(sql: asyncpg.Connection) -> Stage:
    admin = MemoryAdmin()
    admin.job(1)
    return Stage(sql, admin, MirrorSection(page_size=10))


def ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


async def test_runs_on_other_nodes_and_triggers_that_failed_are_copied(stage: Stage) -> None:
    admin = stage.admin
    admin.run(T0 - timedelta(hours=3), handle=200)
    admin.run(T0 - timedelta(hours=2), handle=502)
    admin.run(
        T0 - timedelta(hours=1),
        handle=0,
        trigger_code=500,
        trigger_message="address：null<br>code：500<br>msg：no &lt;executor&gt;",
        address="",
    )
    admin.run(T0 - timedelta(minutes=1), handle=0)
    admin.run(T0 - timedelta(seconds=1), handle=0, trigger_code=0, handler="", params="")

    await stage.go()

    assert [tuple(row) for row in await stage.runs("status, result_code, result_message")] == [
        ("succeeded", 200, "done"),
        ("timed_out", 502, "done"),
        ("failed", 500, "address：null\ncode：500\nmsg：no <executor>"),
        ("running", None, ""),
        ("queued", None, ""),
    ]
    assert await stage.counted() == (3, 1, 2)


async def test_a_run_without_an_end_is_asked_after_until_it_has_one(stage: Stage) -> None:
    long = stage.admin.run(T0 - timedelta(hours=5), handle=0)
    stage.admin.run(T0 - timedelta(hours=1))
    await stage.go()
    assert [row["status"] for row in await stage.runs()] == ["running", "succeeded"]

    stage.admin.end(long, 500, after_s=5 * 3600)
    await stage.go(4000)

    assert [row["status"] for row in await stage.runs()] == ["failed", "succeeded"]
    assert await stage.counted() == (2, 1, 1)


async def test_many_ends_of_old_runs_are_read_in_one_go(stage: Stage) -> None:
    for n in range(45):
        stage.admin.run(T0 - timedelta(hours=2, seconds=-n), handle=0)
    await stage.go()
    for log_id in stage.admin.logs:
        stage.admin.end(log_id)
    before = stage.admin.requests

    await stage.go(60 * 60)

    assert {row["status"] for row in await stage.runs()} == {"succeeded"}
    assert stage.admin.requests - before < 800
    assert await stage.counted() == (45, 45, 0)


@pytest.mark.parametrize("rounds", [False, True])
@pytest.mark.parametrize("fraction_ms", [0, 1, 499, 500, 501, 999])
@pytest.mark.parametrize("first", ["executor", "mirror"])
async def test_our_own_run_and_the_admins_row_meet_in_one(
    engine: AsyncEngine, stage: Stage, rounds: bool, fraction_ms: int, first: str
) -> None:
    stage.admin.rounds = rounds
    at = T0 - timedelta(seconds=2) + timedelta(milliseconds=fraction_ms)
    recorder = Recorder(engine, address="http://ours:9999")
    report = a_report(
        RunState.RUNNING, log_id=1, job_id=1, triggered_ms=ms(at), revision=5, started_ms=ms(at) + 2
    )
    end = a_report(
        log_id=1,
        job_id=1,
        triggered_ms=ms(at),
        revision=6,
        started_ms=ms(at) + 2,
        ended_ms=ms(at) + 52,
    )
    stage.admin.run(at, log_id=1, handle=0)
    if first == "executor":
        await recorder.record([report])
    await stage.go(12)
    await recorder.record([report])
    stage.admin.end(1)
    await stage.go(12)
    await recorder.record([end])
    await stage.go(12)

    (row,) = await stage.runs()
    assert (row["status"], row["duration_ms"], row["executor_address"]) == (
        "succeeded",
        50,
        "http://ours:9999",
    )
    assert ms(row["trigger_time"]) == ms(at)
    assert await stage.counted() == (1, 1, 0)


async def test_a_run_of_ours_whose_executor_is_gone_gets_its_end_from_the_admin(
    engine: AsyncEngine, stage: Stage
) -> None:
    at = T0 - timedelta(hours=1) + timedelta(milliseconds=300)
    report = a_report(
        RunState.RUNNING, log_id=1, job_id=1, triggered_ms=ms(at), started_ms=ms(at) + 100
    )
    await Recorder(engine).record([report])
    stage.admin.run(at, log_id=1, handle=0)
    await stage.go()
    assert [row["status"] for row in await stage.runs()] == ["running"]

    stage.admin.end(1, 500, after_s=700, message="Job result lost")
    await stage.go(2000)

    (row,) = await stage.runs()
    assert (row["status"], row["result_message"]) == ("failed", "Job result lost")
    assert await stage.counted() == (1, 0, 1)


async def test_an_end_that_the_admin_changes_is_changed_here_and_counted_once(stage: Stage) -> None:
    """A trigger that timed out had arrived after all."""
    log_id = stage.admin.run(T0 - timedelta(seconds=5), handle=0, trigger_code=500)
    await stage.go()
    assert await stage.counted() == (1, 0, 1)

    stage.admin.end(log_id)
    await stage.go()

    assert [row["status"] for row in await stage.runs()] == ["succeeded"]
    assert await stage.counted() == (1, 1, 0)


async def test_retries_are_tied_to_the_first_attempt(stage: Stage) -> None:
    stage.admin.job(1, retry_count=2)
    for n in range(3):
        at = T0 - timedelta(minutes=10) + timedelta(seconds=10 * n)
        stage.admin.run(at, retries_left=2 - n, handle=500 if n < 2 else 200)
    stage.admin.run(T0 - timedelta(minutes=5), retries_left=2)

    await stage.go()

    rows = await stage.runs("id, attempt, first_log_id")
    first = rows[0]["id"]
    assert [(row["attempt"], row["first_log_id"]) for row in rows] == [
        (1, None),
        (2, first),
        (3, first),
        (1, None),
    ]


async def test_rows_of_one_second_in_no_order_are_neither_missed_nor_doubled(stage: Stage) -> None:
    for n in range(300):
        stage.admin.run(T0 - timedelta(minutes=5, seconds=n % 4))

    await stage.go(120)

    assert len(await stage.runs()) == 300
    assert await stage.counted() == (300, 300, 0)


async def test_rows_that_arrive_while_pages_are_read_are_neither_missed_nor_doubled(
    stage: Stage,
) -> None:
    for n in range(100):
        stage.admin.run(T0 - timedelta(hours=1, seconds=n))

    def arrive() -> None:
        for _ in range(3):
            stage.admin.run(stage.time.now)

    stage.admin.before_page = arrive
    await stage.go(60)
    stage.admin.before_page = lambda: None
    await stage.go(60)

    assert [row["admin_log_id"] for row in await stage.runs()] == sorted(stage.admin.logs)
    assert (await stage.counted())[0] == len(stage.admin.logs)


async def test_log_ids_that_start_anew_are_said_and_overwrite_nothing(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    for n in range(20):
        stage.admin.run(T0 - timedelta(minutes=30 - n))
    await stage.go()
    stage.admin.logs.clear()
    stage.admin.exact.clear()
    await stage.go(120)
    for _ in range(5):
        stage.admin.run(stage.time.now, handle=500)

    await stage.go(60)

    rows = await stage.runs("admin_log_id, status")
    assert [row["admin_log_id"] for row in rows] == sorted([*range(1, 21), *range(1, 6)])
    assert await stage.counted() == (25, 20, 5)
    assert "admin_wiped" in capsys.readouterr().out


async def test_what_a_cleared_log_has_no_more_stays_here(stage: Stage) -> None:
    for n in range(20):
        stage.admin.run(T0 - timedelta(minutes=30 - n))
    lost = stage.admin.run(T0 - timedelta(minutes=31), handle=0)
    await stage.go()
    stage.admin.logs.clear()

    await stage.go(4000)

    rows = {row["admin_log_id"]: row["status"] for row in await stage.runs()}
    assert rows.pop(lost) == "failed"
    assert set(rows.values()) == {"succeeded"}
