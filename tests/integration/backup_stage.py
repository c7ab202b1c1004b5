"""A database with a row in every table, and its backup."""

from __future__ import annotations

from pathlib import Path

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine

from executor.clock import SystemClock
from executor.model import RunState
from executor.testing.run import run_handler
from handlers.backup import data_backup
from scheduler.configs import ConfigService
from scheduler.demo_data import fill
from scheduler.job_service import JobService
from scheduler.recorder import Recorder
from scheduler.secret_box import SecretBox

SCHEMA = "qooerp_scheduler"
_REST = f"""
SET search_path = {SCHEMA};
INSERT INTO schedule_replica (id, heartbeat_at) VALUES ('dead', now() - interval '1 hour');
INSERT INTO schedule_fire (job_id, fire_time, scheduled_time, trigger_type)
    VALUES (1, now(), now(), 'cron');
INSERT INTO schedule_dependency (job_id, parent_id) VALUES (1, 2) ON CONFLICT DO NOTHING;
INSERT INTO schedule_calendar (name, closing_days) VALUES ('shanghai', '{{2026-10-01}}');
INSERT INTO schedule_mirror (cluster, group_id) VALUES ('main', 1);
INSERT INTO schedule_executor (cluster, address, group_id) VALUES ('main', 'http://other:9999/', 1);
INSERT INTO schedule_notify (notify_type, level, title) VALUES ('failure', 'error', 'x');
INSERT INTO schedule_alarm_rule (name, targets) VALUES ('nights', '{{mail:ann}}');
INSERT INTO schedule_alarm_channel (name, kind, settings) VALUES ('mail', 'email', '{{"port": 25}}');
INSERT INTO schedule_delivery (channel, state) VALUES ('mail', 'sent');
INSERT INTO schedule_delivery_alarm SELECT d.id, n.id FROM schedule_delivery d, schedule_notify n;
INSERT INTO schedule_delivery_attempt (delivery_id, attempt) SELECT id, 1 FROM schedule_delivery;
INSERT INTO schedule_message (user_name, delivery_id, level, title)
    SELECT 'ann', id, 'error', 'x' FROM schedule_delivery;
INSERT INTO schedule_alarm_event (kind, job_id, at) VALUES ('missed', 1, now());
INSERT INTO schedule_alarm_open VALUES ('job:1', 1, 1, now());
INSERT INTO schedule_expectation VALUES (1, now());
INSERT INTO schedule_lease (name, owner, lease_until) VALUES ('alarms', 'dead', now());
INSERT INTO schedule_audit (actor, action, subject, detail) VALUES ('ann', 'update', 'job', '{{"a": 1}}');
"""
"""What the demo data lack."""


async def fill_demo(engine: AsyncEngine, folder: Path) -> int:
    clock = SystemClock()
    return await fill(
        JobService(engine, clock, timezone="Asia/Shanghai"),
        ConfigService(engine, SecretBox("", folder)),
        Recorder(engine, timezone="Asia/Shanghai", history=True),
        database=engine,
        clock=clock,
    )


async def fill_all(engine: AsyncEngine, sql: asyncpg.Connection, folder: Path) -> None:
    """Put rows into every table."""
    await fill_demo(engine, folder)
    await sql.execute(_REST)


async def everything(sql: asyncpg.Connection) -> dict[str, list[str]]:
    """Every row of every table, and how far each sequence is."""
    names = await sql.fetch(
        "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition"
        f" AND relnamespace = '{SCHEMA}'::regnamespace"
    )
    rows = {
        name: [
            row for (row,) in await sql.fetch(f"SELECT t::text FROM {SCHEMA}.{name} t ORDER BY 1")
        ]
        for (name,) in names
    }
    sequences = await sql.fetch(
        f"SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = '{SCHEMA}'"
    )
    return rows | {"sequences": sorted(map(str, sequences))}


def back_up(url: str, folder: Path) -> Path:
    """The archive that the handler makes of the database."""
    resources = {"database": url, "data_dir": str(folder), "timezone": "UTC"}
    outcome = run_handler(data_backup, resources=resources)
    assert outcome.state is RunState.SUCCEEDED, outcome
    [archive] = (folder / "backups").glob("*.tar.gz")
    return archive
