from __future__ import annotations

from datetime import timedelta

from tests.integration.engine_service import a_service, add_job, ended, soon


async def test_an_interval_job_put_in_by_sql_fires_and_leaves_its_rows(tmp_path, database_url, sql):
    begin = soon(1)
    async with a_service(tmp_path, database_url):
        job = await add_job(
            sql,
            handler_name="sampleAsync",
            schedule_type="interval",
            interval_seconds=1,
            next_run_time=begin,
        )
        rows = await ended(sql, job, count=2)

    first, second = rows[:2]
    assert (first["status"], first["result_message"]) == ("succeeded", "3 steps done")
    assert (first["trigger_type"], first["cluster"], first["attempt"]) == ("interval", "local", 1)
    assert [row["scheduled_time"] for row in (first, second)] == [
        begin,
        begin + timedelta(seconds=1),
    ]
    assert first["admin_log_id"] == first["id"]
    left = await sql.fetch("SELECT state, owner FROM qooerp_scheduler.schedule_fire")
    assert {tuple(row) for row in left} <= {("planned", None)}  # others may have them
