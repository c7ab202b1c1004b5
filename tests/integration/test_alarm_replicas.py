"""Alarms of several services on one database, as processes that may die at any moment."""

from __future__ import annotations

import asyncio

import asyncpg

from tests.integration.alarm_service import alarms_of, deliveries, judged
from tests.integration.engine_service import SCHEMA, Replica, add_job, ended, settled, soon, until

HASTY = {
    "engine__lease_seconds": 5,
    "engine__interrupt_after_seconds": 5,
    "alarms__executor_gone_seconds": 5,
    "handlers__modules": '["tests.integration.alarm_handlers"]',
}
LEADER = f"SELECT owner FROM {SCHEMA}.schedule_lease WHERE name = 'alarms' AND lease_until > now()"


async def test_each_failure_is_one_alarm_whichever_replica_dies(tmp_path, database_url, sql):
    replicas = [Replica(tmp_path / f"r{n}", database_url, **HASTY) for n in range(2)]
    await asyncio.gather(*(replica.start() for replica in replicas))
    try:
        leader = await until(lambda: sql.fetchval(LEADER), lambda owner: owner)
        by_id = {(tmp_path / f"r{n}" / "data" / "replica"): one for n, one in enumerate(replicas)}
        victim = next(one for path, one in by_id.items() if path.read_text().strip() == leader)
        job = await add_job(
            sql,
            handler_name="fail",
            schedule_type="interval",
            interval_seconds=1,
            next_run_time=soon(1),
            misfire_policy="fire_all",
        )
        await ended(sql, job, count=2)
        await victim.kill_9()
        other = await until(lambda: sql.fetchval(LEADER), lambda owner: owner not in (None, leader))
        count = len(await ended(sql, job, count=1))
        await ended(sql, job, count=count + 2)
        await until(lambda: gone(sql, leader), lambda rows: rows)
        await sql.execute(f"UPDATE {SCHEMA}.schedule_job SET next_run_time = NULL")
        await settled(sql, within=40)
        await judged(sql)
        runs = await ended(sql, job, count=1)
        alarms = [row for row in await alarms_of(sql, job) if row["notify_type"] == "failure"]
    finally:
        for replica in replicas:
            await replica.__aexit__()

    assert other != leader
    failed = [run["id"] for run in runs if run["status"] in ("failed", "interrupted")]
    assert sorted(alarm["log_id"] for alarm in alarms) == failed
    told = [alarm_id for message in await deliveries(sql) for alarm_id in message["alarms"]]
    assert {alarm["id"] for alarm in alarms} <= set(told)
    assert len(told) == len(set(told))


async def gone(sql: asyncpg.Connection, replica_id: str) -> list[asyncpg.Record]:
    rows: list[asyncpg.Record] = await sql.fetch(
        f"""SELECT level FROM {SCHEMA}.schedule_notify
        WHERE notify_type = 'executor_gone' AND facts ->> 'replicaId' = $1""",
        replica_id,
    )
    return rows
