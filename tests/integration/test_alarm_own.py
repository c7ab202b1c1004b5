"""Alarms that handlers raise, as people get them."""

from __future__ import annotations

import pytest

from tests.integration.alarm_service import QUICK, alarms_of, judged, raised
from tests.integration.engine_service import SCHEMA, a_service, add_job, ended, local, settled

HANDLERS = {"handlers__modules": '["tests.integration.alarm_handlers"]'}


@pytest.mark.parametrize("isolation", ["Async", "Thread", "Process"])
async def test_what_a_handler_raises_is_one_alarm(tmp_path, database_url, sql, isolation):
    async with a_service(tmp_path, database_url, **HANDLERS, **QUICK) as app:
        job = await add_job(sql, job_name="count stock", handler_name=f"warn{isolation}")
        log_id = await local(app).control.execute(job, "stock below zero")
        (run,) = await ended(sql, job, count=1)
        await raised(sql, job)
        await judged(sql)
        (alarm,) = await alarms_of(sql, job)

    assert (alarm["notify_type"], alarm["level"]) == ("custom", "critical")
    assert (alarm["title"], alarm["content"]) == ("stock below zero", "raised by count stock")
    assert alarm["log_id"] == log_id
    assert run["result_message"] == "warned\n[alarm critical] stock below zero"


async def test_it_is_told_while_the_run_goes_on(tmp_path, database_url, sql):
    async with a_service(tmp_path, database_url, **HANDLERS, **QUICK) as app:
        job = await add_job(sql, handler_name="warnAndWait")
        log_id = await local(app).control.execute(job)
        assert log_id is not None
        await raised(sql, job)
        status = f"SELECT status FROM {SCHEMA}.schedule_log WHERE job_id = $1"
        assert await sql.fetchval(status, job) == "running"
        await local(app).control.kill(log_id)
        await settled(sql)
        await judged(sql)

        (alarm,) = await alarms_of(sql, job)
    assert (alarm["title"], alarm["level"]) == ("still here", "warning")


async def test_an_alarm_in_a_report_is_kept_where_its_news_was_lost(tmp_path, database_url, sql):
    job = await add_job(sql)
    await sql.execute(f"SELECT {SCHEMA}.ensure_log_partition(now())")
    await sql.execute(
        f"""INSERT INTO {SCHEMA}.schedule_log (id, cluster, admin_log_id, trigger_time, job_id,
            trigger_type, status, scheduled_time, result_message)
        VALUES (900, 'local', 900, now(), $1, 'api', 'succeeded', now(), $2)""",
        *(job, "warned\n[alarm critical] stock below zero"),
    )
    async with a_service(tmp_path, database_url, **QUICK):
        (alarm,) = await raised(sql, job)

    assert (alarm["title"], alarm["log_id"]) == ("stock below zero", 900)
