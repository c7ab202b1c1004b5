"""Alarms that handlers raise, as people get them."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest

from executor.model import LOCAL
from scheduler.recorder import Recorder
from tests.integration.alarm_service import QUICK, alarms_of, judged, raised
from tests.integration.engine_service import (
    SCHEMA,
    a_service,
    add_job,
    ended,
    local,
    settled,
    until,
)
from tests.reports import a_report

ODD = {
    "jobId": 7,
    "executorHandler": "warnAsync",
    "executorParams": "stock below zero",
    "executorBlockStrategy": "SERIAL_EXECUTION",
    "executorTimeout": 0,
    "logId": 5,
    "logDateTime": 10**17,
    "glueType": "BEAN",
    "glueSource": "",
    "glueUpdatetime": 0,
    "broadcastIndex": 0,
    "broadcastTotal": 1,
}
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


async def test_a_run_of_no_date_stops_no_alarms_and_no_shutdown(tmp_path, database_url, sql):
    both = '["tests.integration.alarm_handlers", "tests.integration.engine_handlers"]'
    async with a_service(tmp_path, database_url, handlers__modules=both, **QUICK) as app:
        assert app.executor is not None
        async with aiohttp.ClientSession() as session:
            asked = session.post(f"{app.executor.url()}/run", json=ODD)
            async with asked as answer:
                assert (await answer.json())["code"] == 200
        job = await add_job(sql, handler_name="fail")
        await local(app).control.execute(job)

        assert [row["notify_type"] for row in await raised(sql, job)] == ["failure"]
        odd = f"SELECT count(*) FROM {SCHEMA}.schedule_notify WHERE notify_type = 'custom'"
        await until(lambda: sql.fetchval(odd), lambda count: count == 1)


async def test_all_parts_of_a_service_are_stopped_whatever_one_raises(tmp_path, database_url, sql):
    async def stumble() -> None:
        raise RuntimeError

    async with a_service(tmp_path, database_url) as app:
        stop = app.outbox.stop
        app.outbox.stop = stumble  # type: ignore[method-assign]
    await stop()

    open_ones = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    await until(lambda: sql.fetchval(open_ones), lambda count: count == 1)
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", app.port)


async def test_an_alarm_in_a_report_is_kept_where_its_news_was_lost(
    tmp_path, database_url, engine, sql
):
    job = await add_job(sql)
    said = "warned\n[alarm critical] stock below zero"
    told = a_report(cluster=LOCAL, log_id=900, job_id=job, message=said)
    await Recorder(engine).record([told])
    async with a_service(tmp_path, database_url, **QUICK):
        (alarm,) = await raised(sql, job)

    assert (alarm["title"], alarm["log_id"]) == ("stock below zero", 900)
