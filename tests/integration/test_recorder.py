"""What becomes of reports: rows, and what is counted."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from typing import Any

import asyncpg
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from executor.model import LOCAL, RunState, Source
from scheduler.database import SCHEMA, open_database
from scheduler.engine.ends import ended
from scheduler.recorder import Recorder, ReportsRefused
from tests.integration.recorded import everything_counted, rows, states
from tests.reports import T0, a_report

DAY_MS = 86_400_000


async def test_a_report_becomes_a_row_with_all_its_facts(
    recorder: Recorder, sql: asyncpg.Connection
) -> None:
    await recorder.record([a_report(attempt=2, shard_index=1, shard_total=3, restarts=1)])

    row = dict((await rows(sql))[0])
    job = await sql.fetchrow(f"SELECT * FROM {SCHEMA}.schedule_job WHERE id = $1", row["job_id"])
    times = ("trigger_time", "scheduled_time", "start_time", "end_time")
    assert [round(row[name].timestamp() * 1000) - T0 for name in times] == [0, 0, 2, 52]
    assert {name: row[name] for name in row.keys() - {*times, "id", "job_id", "update_time"}} == {
        "cluster": "main",
        "admin_log_id": 1,
        "handler_name": "dataCleanup",
        "params": "keep=3",
        "trigger_type": "admin",
        "status": "succeeded",
        "attempt": 2,
        "first_log_id": None,
        "duration_ms": 50,
        "result_code": 200,
        "result_message": "deleted 3 rows",
        "executor_address": "http://127.0.0.1:9999",
        "shard_index": 1,
        "shard_total": 3,
        "restarts": 1,
        "revision": 10,
    }
    assert (job["job_no"], job["job_name"], job["engine"]) == ("XXL-main-7", "dataCleanup", "xxl")
    assert (job["cluster"], job["admin_job_id"], job["mirrored_at"]) == ("main", 7, None)


@pytest.mark.parametrize("state", list(RunState))
async def test_every_state_is_recorded_and_counted_as_what_it_is(
    recorder: Recorder, sql: asyncpg.Connection, state: RunState
) -> None:
    await recorder.record([a_report(state)])

    assert await states(sql) == [state]
    final, good, dropped = state.is_final, state is RunState.SUCCEEDED, state is RunState.DISCARDED
    expected = (final and not dropped, good, final and not good and not dropped)
    counted = await everything_counted(sql)
    if not final:
        assert counted == (0,) * 6
    else:
        assert counted == (*expected, state is RunState.TIMED_OUT, dropped, 50)


async def test_the_same_reports_again_change_nothing(
    recorder: Recorder, sql: asyncpg.Connection
) -> None:
    reports = [a_report(log_id=n, state=s) for n, s in enumerate(RunState, start=1)]
    await recorder.record(reports)
    before = await rows(sql), await everything_counted(sql)

    await recorder.record(reports)
    await recorder.record(reports + reports[::-1])

    assert (await rows(sql), await everything_counted(sql)) == before


async def test_a_row_goes_only_forward(recorder: Recorder, sql: asyncpg.Connection) -> None:
    await recorder.record([a_report(RunState.RUNNING, revision=2)])
    await recorder.record([a_report(RunState.QUEUED, revision=1)])
    assert await states(sql) == ["running"]

    await recorder.record([a_report(RunState.FAILED, revision=3)])
    assert await states(sql) == ["failed"]


async def test_the_first_final_state_is_the_last(
    recorder: Recorder, sql: asyncpg.Connection
) -> None:
    await recorder.record([a_report(RunState.TIMED_OUT, revision=3)])

    await recorder.record([a_report(RunState.SUCCEEDED, revision=4)])
    await recorder.record([a_report(RunState.RUNNING, revision=5)])

    assert await states(sql) == ["timed_out"]
    assert await everything_counted(sql) == (1, 0, 1, 1, 0, 50)


async def test_the_end_of_a_run_taken_over_by_another_executor_is_recorded(
    engine: AsyncEngine, sql: asyncpg.Connection
) -> None:
    """Its journal counts from 1, where the dead one's had come far."""
    await Recorder(engine, address="http://dead").record(
        [a_report(RunState.RUNNING, revision=9_000)]
    )
    heir = Recorder(engine, address="http://heir")

    await heir.record([a_report(RunState.RUNNING, revision=1)])
    assert (await rows(sql, "executor_address"))[0][0] == "http://heir"
    await heir.record([a_report(RunState.SUCCEEDED, revision=2)])

    assert await states(sql) == ["succeeded"]


async def test_a_run_that_another_ends_keeps_its_beginning_and_its_place(
    engine: AsyncEngine, sql: asyncpg.Connection
) -> None:
    dead, heir = (Recorder(engine, address=f"http://{name}") for name in ("dead", "heir"))
    for log_id, state in ((1, RunState.RUNNING), (2, RunState.QUEUED)):
        started = T0 + 2 if state is RunState.RUNNING else None
        report = a_report(state, cluster=LOCAL, log_id=log_id, job_id=1, started_ms=started)
        await dead.record([report])
        await heir.record([ended(report.trigger, RunState.INTERRUPTED, "it has died", T0 + 100)])

    found = await rows(sql, "status, start_time IS NOT NULL, executor_address")
    assert [tuple(row) for row in found] == [
        ("interrupted", True, "http://dead"),
        ("interrupted", False, "http://heir"),
    ]


async def test_a_log_id_that_a_wiped_admin_gives_again_is_another_run(
    recorder: Recorder, sql: asyncpg.Connection
) -> None:
    await recorder.record([a_report(), a_report(triggered_ms=T0 + 1000)])
    await recorder.record([a_report(triggered_ms=T0 + 2000)])
    await recorder.record([a_report(cluster="other")])

    assert len(await rows(sql)) == 4


async def test_a_run_of_the_local_engine_keeps_its_job_and_its_id(
    recorder: Recorder, sql: asyncpg.Connection
) -> None:
    job = await sql.fetchval(
        f"INSERT INTO {SCHEMA}.schedule_job (job_no, job_name) VALUES ('JOB-1', 'mine') RETURNING id"
    )

    await recorder.record(
        [a_report(cluster=LOCAL, log_id=4711, job_id=job, source=Source.CRON, attempt=1)]
    )

    assert [tuple(row) for row in await rows(sql, "id, job_id, trigger_type")] == [
        (4711, job, "cron")
    ]
    assert await sql.fetchval(f"SELECT count(*) FROM {SCHEMA}.schedule_job") == 1


async def test_a_job_that_was_deleted_does_not_stop_the_record(
    recorder: Recorder, sql: asyncpg.Connection
) -> None:
    await recorder.record([a_report(cluster=LOCAL, log_id=1, job_id=999)])

    assert await everything_counted(sql) == (1, 1, 0, 0, 0, 50)


async def test_replicas_that_meet_a_new_job_together_make_one(
    database_url: str, sql: asyncpg.Connection
) -> None:
    engines = [open_database(database_url, pool_size=1) for _ in range(6)]
    jobs = range(1, 41)

    await asyncio.gather(
        *(
            Recorder(engine).record(
                [a_report(log_id=place * 1000 + job, job_id=job) for job in random.sample(jobs, 40)]
            )
            for place, engine in enumerate(engines)
        )
    )

    assert await sql.fetchval(f"SELECT count(*) FROM {SCHEMA}.schedule_job") == 40
    assert (await everything_counted(sql))[0] == 240
    for engine in engines:
        await engine.dispose()


@pytest.mark.parametrize("batch", [90, 450])
async def test_replicas_that_record_the_same_runs_together_count_each_once(
    database_url: str, sql: asyncpg.Connection, batch: int
) -> None:
    """In all orders, with replays and old news: no deadlock, nothing doubled, nothing lost."""
    engines = [open_database(database_url, pool_size=2) for _ in range(3)]
    life = (RunState.QUEUED, RunState.RUNNING, RunState.SUCCEEDED)
    reports = [
        a_report(state, log_id=n, job_id=n % 9, revision=n * 3 + step)
        for n in range(1, 301)
        for step, state in enumerate(life)
    ]

    async def record(engine: AsyncEngine, seed: int) -> None:
        recorder, mixed = Recorder(engine), random.Random(seed).sample(reports, len(reports))
        for start in range(0, len(mixed), batch):
            await recorder.record(mixed[start : start + batch])

    await asyncio.gather(*(record(engine, n) for n, engine in enumerate(engines * 2)))

    assert Counter(await states(sql)) == {"succeeded": 300}
    assert await everything_counted(sql) == (300, 300, 0, 0, 0, 300 * 50)
    for engine in engines:
        await engine.dispose()


async def test_a_day_begins_where_the_service_is(
    engine: AsyncEngine, sql: asyncpg.Connection
) -> None:
    recorder = Recorder(engine, timezone="Asia/Shanghai")

    await recorder.record(
        [
            a_report(log_id=1, triggered_ms=T0 + 57_599_999),
            a_report(log_id=2, triggered_ms=T0 + 57_600_000),
        ]
    )

    days = await sql.fetch(f"SELECT day FROM {SCHEMA}.schedule_job_daily ORDER BY day")
    assert [str(row[0]) for row in days] == ["2026-11-23", "2026-11-24"]


async def test_totals_tell_the_newest_run_and_the_longest(
    recorder: Recorder, sql: asyncpg.Connection
) -> None:
    await recorder.record(
        [
            a_report(RunState.FAILED, log_id=1, triggered_ms=T0 + 5000, ended_ms=T0 + 902),
            a_report(RunState.SUCCEEDED, log_id=2, triggered_ms=T0 + 4000),
        ]
    )
    await recorder.record([a_report(RunState.KILLED, log_id=3, triggered_ms=T0)])

    row = await sql.fetchrow(f"SELECT * FROM {SCHEMA}.schedule_job_statistics")
    assert (row["last_status"], row["duration_max_ms"], row["execute_count"]) == ("failed", 900, 3)
    assert round(row["last_run_time"].timestamp() * 1000) == T0 + 5000


CLOCKS = {
    "at the epoch": (0, "schedule_log_before_2020"),
    "before it": (-5, "schedule_log_before_2020"),
    "last year": (T0 - 365 * DAY_MS, "schedule_log_y2025m11"),
    "in 50 years": (T0 + 50 * 365 * DAY_MS, "schedule_log_y2076m11"),
    "in seconds for milliseconds": (T0 * 1000, "schedule_log_from_2100"),
    "beyond all calendars": (2**62, "schedule_log_from_2100"),
}


@pytest.mark.parametrize("moment", CLOCKS)
async def test_a_clock_gone_mad_does_not_stop_the_record(
    recorder: Recorder, sql: asyncpg.Connection, moment: str
) -> None:
    triggered_ms, partition = CLOCKS[moment]

    await recorder.record([a_report(log_id=1), a_report(log_id=2, triggered_ms=triggered_ms)])
    await recorder.record([a_report(log_id=2, triggered_ms=triggered_ms)])

    found = await rows(sql, "tableoid::regclass::text")
    assert {row[0].removeprefix(f"{SCHEMA}.") for row in found} == {
        "schedule_log_y2026m11",
        partition,
    }
    assert len(found) == 2


async def test_a_month_dropped_meanwhile_is_made_again(
    recorder: Recorder, sql: asyncpg.Connection
) -> None:
    await recorder.record([a_report(log_id=1)])
    await sql.execute(f"DROP TABLE {SCHEMA}.schedule_log_y2026m11")

    await recorder.record([a_report(log_id=2)])

    assert len(await rows(sql)) == 1


async def test_text_that_no_column_can_hold_is_recorded_as_far_as_it_can(
    recorder: Recorder, sql: asyncpg.Connection
) -> None:
    await recorder.record(
        [
            a_report(log_id=1, message="a\x00b\ud800" + "é" * 20_000, params="p\x00" * 70_000),
            a_report(log_id=2, handler="h" * 300, cluster="c\x00" * 100, job_id=2**70),
            a_report(log_id=2**70, attempt=2**40, shard_index=-1, started_ms=-(2**70)),
        ]
    )

    found = await rows(
        sql,
        "length(result_message), length(params), left(result_message, 4)",
        "cluster DESC, admin_log_id",
    )
    assert tuple(found[0]) == (15_000, 65_535, "ab?é")
    assert len(found) == 3


@pytest.mark.parametrize("others", [1, 40, 400])
async def test_a_report_that_is_refused_all_the_same_does_not_stop_the_others(
    recorder: Recorder, sql: asyncpg.Connection, others: int
) -> None:
    await sql.execute(
        f"ALTER TABLE {SCHEMA}.schedule_log ADD CHECK (result_message <> 'poison') NOT VALID"
    )
    good = [a_report(log_id=n) for n in range(others)]
    poison = [a_report(log_id=others + n, message="poison") for n in (0, 17)]

    with pytest.raises(ReportsRefused) as refusal:
        await recorder.record([*good, *poison])

    assert refusal.value.reports == poison
    assert len(await rows(sql)) == others
    assert (await everything_counted(sql))[0] == others


async def test_a_large_backlog_is_recorded_whole(
    recorder: Recorder, sql: asyncpg.Connection
) -> None:
    await recorder.record([a_report(log_id=n, job_id=n % 300) for n in range(5_000)])

    assert (await everything_counted(sql))[0] == 5_000


async def test_a_small_batch_of_known_jobs_is_one_statement(
    recorder: Recorder, engine: AsyncEngine
) -> None:
    await recorder.record([a_report(log_id=1)])
    seen: list[Any] = []
    async with engine.connect() as lent:
        raw = (await lent.get_raw_connection()).driver_connection
        assert raw is not None
        raw.add_query_logger(seen.append)

    await recorder.record([a_report(log_id=2), a_report(log_id=3)])

    assert len([query for query in seen if "INSERT" in query.query]) == len(seen) == 1


async def test_a_discarded_trigger_is_no_last_run(
    recorder: Recorder, sql: asyncpg.Connection
) -> None:
    ran = a_report()
    refused = [
        a_report(RunState.DISCARDED, run_id=n, log_id=n, triggered_ms=T0 + n * 1000) for n in (2, 3)
    ]

    await recorder.record([ran, refused[0]])
    await recorder.record([refused[1]])

    last = await sql.fetchrow(
        f"SELECT last_run_time, last_status, discard_count FROM {SCHEMA}.schedule_job_statistics"
    )
    assert (last["last_run_time"].timestamp() * 1000, last["last_status"]) == (T0, "succeeded")
    assert last["discard_count"] == 2
