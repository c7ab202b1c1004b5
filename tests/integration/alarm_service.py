"""What tests of alarms ask of the database and of a service in this process."""

from __future__ import annotations

from typing import Any

import asyncpg

from tests.integration.engine_service import LIMIT_S, SCHEMA, until

QUICK: dict[str, object] = {"alarms__wait_seconds": 0.1}
"""Settings under which a message is owed soon."""


async def alarms_of(sql: asyncpg.Connection, job_id: int | None) -> list[asyncpg.Record]:
    """The alarms of a job, oldest first; None: those of no job."""
    return list(
        await sql.fetch(
            f"SELECT * FROM {SCHEMA}.schedule_notify WHERE job_id IS NOT DISTINCT FROM $1 ORDER BY id",
            job_id,
        )
    )


async def raised(
    sql: asyncpg.Connection, job_id: int | None, count: int = 1, within: float = LIMIT_S
) -> list[asyncpg.Record]:
    """Wait until a job has *count* alarms; these."""
    rows: list[asyncpg.Record] = await until(
        lambda: alarms_of(sql, job_id), lambda rows: len(rows) >= count, within
    )
    return rows


async def judged(sql: asyncpg.Connection) -> None:
    """Wait until all that has happened has been judged."""
    await until(
        lambda: sql.fetchval(f"SELECT count(*) FROM {SCHEMA}.schedule_alarm_event"),
        lambda left: left == 0,
    )


async def deliveries(sql: asyncpg.Connection, **columns: Any) -> list[asyncpg.Record]:
    """The messages that are owed, oldest first, with the ids of their alarms."""
    conditions = [f"d.{name} = ${n}" for n, name in enumerate(columns, start=1)]
    return list(
        await sql.fetch(
            f"""SELECT d.*, array(SELECT notify_id FROM {SCHEMA}.schedule_delivery_alarm a
                WHERE a.delivery_id = d.id ORDER BY 1) AS alarms
            FROM {SCHEMA}.schedule_delivery d WHERE {" AND ".join(conditions) or "true"}
            ORDER BY d.id""",
            *columns.values(),
        )
    )


async def add_rule(sql: asyncpg.Connection, **columns: Any) -> int:
    """Put in a rule; the columns of `schedule_alarm_rule` as keywords."""
    values: dict[str, Any] = {"name": "a rule"} | columns
    marks = ", ".join(f"${n}" for n in range(1, len(values) + 1))
    rule_id = await sql.fetchval(
        f"INSERT INTO {SCHEMA}.schedule_alarm_rule ({', '.join(values)}) VALUES ({marks}) RETURNING id",
        *values.values(),
    )
    await sql.execute('SELECT pg_notify(\'qooerp_scheduler\', \'{"kind": "alarm_rule", "id": 1}\')')
    return int(rule_id)
