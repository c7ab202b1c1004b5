"""The tables of `schema.sql` for SQLAlchemy Core; a test holds both to be the same.

Constraints other than keys, comments and partitions are the schema's alone.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeEngine

metadata = MetaData(schema="qooerp_scheduler")
_MOMENT = DateTime(timezone=True)


def _id() -> Column[int]:
    return Column("id", BigInteger, Identity(always=False), nullable=False)


def _set(name: str, kind: TypeEngine[Any], default: str | None = None) -> Column[Any]:
    """A column that is never NULL; *default* is SQL."""
    return Column(name, kind, nullable=False, server_default=text(default) if default else None)


def _written(name: str) -> Column[Any]:
    return _set(name, _MOMENT, "now()")


def _counts() -> list[Column[Any]]:
    names = (
        *("execute_count", "success_count", "fail_count", "timeout_count", "discard_count"),
        *("duration_count", "duration_sum_ms", "duration_max_ms"),
    )
    return [_set(name, BigInteger(), "0") for name in names]


schedule_job = Table(
    "schedule_job",
    metadata,
    _id(),
    _set("job_no", String(96)),
    _set("job_name", String(200)),
    _set("job_group", String(100), "'default'"),
    _set("description", String(2000), "''"),
    _set("engine", String(8), "'local'"),
    Column("cluster", String(64)),
    Column("admin_job_id", BigInteger),
    Column("mirrored_at", _MOMENT),
    _set("handler_name", String(255), "''"),
    _set("params", String(65535), "''"),
    _set("schedule_type", String(16), "'none'"),
    Column("cron_expression", String(500)),
    Column("interval_seconds", Integer),
    Column("run_at", _MOMENT),
    _set("timezone", String(64), "'UTC'"),
    _set("misfire_policy", String(16), "'fire_once'"),
    _set("block_strategy", String(32), "'SERIAL_EXECUTION'"),
    _set("timeout_seconds", Integer(), "0"),
    _set("retry_strategy", String(16), "'none'"),
    _set("retry_count", Integer(), "0"),
    _set("retry_interval_seconds", Integer(), "0"),
    _set("retry_max_interval_seconds", Integer(), "0"),
    _set("status", String(16), "'stopped'"),
    Column("next_run_time", _MOMENT),
    _set("version", Integer(), "1"),
    _written("create_time"),
    _written("update_time"),
    Column("deleted_at", _MOMENT),
    Column("calendar_name", String(64)),
    _set("holiday_policy", String(16), "'skip'"),
    _set("schedule_note", String(500), "''"),
    Column("admin_fields", JSONB),
    _set("interval_mode", String(16), "'fixed_rate'"),
    PrimaryKeyConstraint("id", name="schedule_job_pkey"),
    UniqueConstraint("job_no", name="schedule_job_job_no_key"),
    UniqueConstraint("cluster", "admin_job_id", name="schedule_job_admin_key"),
)
_alive = schedule_job.c.deleted_at.is_(None)
Index(
    "schedule_job_due_idx",
    schedule_job.c.next_run_time,
    schedule_job.c.id,
    postgresql_where=text("engine = 'local' AND status = 'running' AND deleted_at IS NULL"),
)
Index(
    "schedule_job_group_idx", schedule_job.c.job_group, schedule_job.c.id, postgresql_where=_alive
)
Index("schedule_job_status_idx", schedule_job.c.status, schedule_job.c.id, postgresql_where=_alive)
Index(
    "schedule_job_expected_idx",
    schedule_job.c.next_run_time,
    schedule_job.c.id,
    postgresql_where=text("engine = 'xxl' AND status = 'running' AND deleted_at IS NULL"),
)
Index(
    "schedule_job_aside_idx",
    schedule_job.c.id,
    postgresql_where=text("schedule_note <> '' AND status = 'running' AND deleted_at IS NULL"),
)

schedule_log = Table(
    "schedule_log",
    metadata,
    _id(),
    _set("cluster", String(64)),
    _set("admin_log_id", BigInteger()),
    _set("trigger_time", _MOMENT),
    _set("job_id", BigInteger()),
    _set("handler_name", String(255), "''"),
    _set("params", String(65535), "''"),
    _set("trigger_type", String(16)),
    _set("status", String(16)),
    _set("attempt", Integer(), "1"),
    Column("first_log_id", BigInteger),
    _set("scheduled_time", _MOMENT),
    Column("start_time", _MOMENT),
    Column("end_time", _MOMENT),
    Column("duration_ms", BigInteger),
    Column("result_code", Integer),
    _set("result_message", String(15000), "''"),
    _set("executor_address", String(512), "''"),
    _set("shard_index", Integer(), "0"),
    _set("shard_total", Integer(), "1"),
    _set("restarts", Integer(), "0"),
    _set("revision", BigInteger(), "0"),
    _written("update_time"),
    PrimaryKeyConstraint("id", "trigger_time", name="schedule_log_pkey"),
    UniqueConstraint(
        "trigger_time",
        "cluster",
        "admin_log_id",
        name="schedule_log_run_key",
        postgresql_include=["id"],
    ),
    Index("schedule_log_job_idx", "job_id", "status", "trigger_time", "id"),
    Index("schedule_log_status_idx", "status", "trigger_time", "id"),
    postgresql_partition_by="RANGE (trigger_time)",
)

schedule_replica = Table(
    "schedule_replica",
    metadata,
    _set("id", String(36)),
    _set("address", String(512), "''"),
    _written("started_at"),
    _written("steady_since"),
    _written("heartbeat_at"),
    _set("api_address", String(512), "''"),
    _set("key_fingerprint", String(64), "''"),
    PrimaryKeyConstraint("id", name="schedule_replica_pkey"),
)

schedule_fire = Table(
    "schedule_fire",
    metadata,
    _set("id", BigInteger(), "nextval('qooerp_scheduler.schedule_log_id_seq')"),
    _set("job_id", BigInteger()),
    _set("fire_time", _MOMENT),
    _set("scheduled_time", _MOMENT),
    _set("trigger_type", String(16)),
    Column("params", String(65535)),
    _set("attempt", Integer(), "1"),
    Column("first_log_id", BigInteger),
    _set("state", String(8), "'planned'"),
    Column("owner", String(36)),
    Column("lease_until", _MOMENT),
    Column("origin", String(16)),
    Column("parents", JSONB),
    Column("killed_at", _MOMENT),
    PrimaryKeyConstraint("id", name="schedule_fire_pkey"),
    Index(
        "schedule_fire_due_idx",
        *("fire_time", "id"),
        postgresql_where=text("state = 'planned' AND trigger_type <> 'retry'"),
    ),
    Index(
        "schedule_fire_retry_idx",
        *("fire_time", "id"),
        postgresql_where=text("state = 'planned' AND trigger_type = 'retry'"),
    ),
    Index("schedule_fire_retrying_idx", "owner", postgresql_where=text("trigger_type = 'retry'")),
    Index("schedule_fire_owner_idx", "owner"),
    Index("schedule_fire_job_idx", "job_id"),
    Index(
        "schedule_fire_waiting_key",
        "job_id",
        unique=True,
        postgresql_where=text("state = 'waiting'"),
    ),
    Index(
        "schedule_fire_attempt_key",
        *("first_log_id", "attempt"),
        unique=True,
        postgresql_where=text("first_log_id IS NOT NULL"),
    ),
)

schedule_dependency = Table(
    "schedule_dependency",
    metadata,
    _set("job_id", BigInteger()),
    _set("parent_id", BigInteger()),
    Column("succeeded_at", _MOMENT),
    Column("log_id", BigInteger),
    _set("result", String(4000), "''"),
    PrimaryKeyConstraint("job_id", "parent_id", name="schedule_dependency_pkey"),
    ForeignKeyConstraint(
        ["job_id"], [schedule_job.c.id], name="schedule_dependency_job_fkey", ondelete="CASCADE"
    ),
    ForeignKeyConstraint(
        ["parent_id"],
        [schedule_job.c.id],
        name="schedule_dependency_parent_fkey",
        ondelete="CASCADE",
    ),
    Index("schedule_dependency_parent_idx", "parent_id"),
)

schedule_calendar = Table(
    "schedule_calendar",
    metadata,
    _set("name", String(64)),
    _set("description", String(2000), "''"),
    _set("working_weekdays", ARRAY(SmallInteger), "'{1,2,3,4,5}'"),
    _set("closing_days", ARRAY(Date), "'{}'"),
    _set("make_up_days", ARRAY(Date), "'{}'"),
    _written("create_time"),
    _written("update_time"),
    PrimaryKeyConstraint("name", name="schedule_calendar_pkey"),
)

schedule_job_statistics = Table(
    "schedule_job_statistics",
    metadata,
    Column("job_id", BigInteger, nullable=False, autoincrement=False),
    *_counts(),
    Column("last_run_time", _MOMENT),
    Column("last_status", String(16)),
    PrimaryKeyConstraint("job_id", name="schedule_job_statistics_pkey"),
)

schedule_job_daily = Table(
    "schedule_job_daily",
    metadata,
    _set("job_id", BigInteger()),
    _set("day", Date()),
    *_counts(),
    PrimaryKeyConstraint("job_id", "day", name="schedule_job_daily_pkey"),
)

schedule_daily = Table(
    "schedule_daily",
    metadata,
    _set("day", Date()),
    _set("slot", SmallInteger()),
    *_counts(),
    PrimaryKeyConstraint("day", "slot", name="schedule_daily_pkey"),
)

schedule_mirror = Table(
    "schedule_mirror",
    metadata,
    _set("cluster", String(64)),
    Column("group_id", BigInteger, nullable=False, autoincrement=False),
    _set("app_name", String(64), "''"),
    Column("logs_until", _MOMENT),
    _set("newest_log_id", BigInteger(), "0"),
    Column("newest_log_at", _MOMENT),
    Column("jobs_at", _MOMENT),
    Column("logs_at", _MOMENT),
    Column("reconciled_at", _MOMENT),
    Column("wiped_at", _MOMENT),
    _set("error", String(2000), "''"),
    _written("update_time"),
    _set("automatic", Boolean(), "false"),
    Column("emptied_at", _MOMENT),
    Column("listed_at", _MOMENT),
    Column("listed_since", _MOMENT),
    PrimaryKeyConstraint("cluster", "group_id", name="schedule_mirror_pkey"),
)

schedule_executor = Table(
    "schedule_executor",
    metadata,
    _id(),
    _set("cluster", String(64)),
    _set("address", String(512)),
    _set("group_id", BigInteger()),
    _written("seen_at"),
    Column("gone_at", _MOMENT),
    _set("ours", Boolean(), "false"),
    PrimaryKeyConstraint("id", name="schedule_executor_pkey"),
    UniqueConstraint("cluster", "address", name="schedule_executor_key"),
)

schedule_config = Table(
    "schedule_config",
    metadata,
    _id(),
    _set("job_id", BigInteger()),
    _set("config_key", String(128)),
    _set("config_value", Text()),
    _set("secret", Boolean(), "false"),
    _set("description", String(2000), "''"),
    _written("create_time"),
    _written("update_time"),
    PrimaryKeyConstraint("id", name="schedule_config_pkey"),
    UniqueConstraint("job_id", "config_key", name="schedule_config_key"),
    ForeignKeyConstraint(
        ["job_id"], [schedule_job.c.id], name="schedule_config_job_fkey", ondelete="CASCADE"
    ),
    Index("schedule_config_by_key_idx", "config_key", "job_id"),
)

schedule_notify = Table(
    "schedule_notify",
    metadata,
    _id(),
    Column("job_id", BigInteger),
    Column("log_id", BigInteger),
    _set("notify_type", String(16)),
    _set("level", String(16)),
    _set("title", String(500)),
    _set("content", Text(), "''"),
    _set("send_status", String(16), "'pending'"),
    _set("handle_status", String(16), "'pending'"),
    Column("handler", String(100)),
    Column("handle_remark", String(2000)),
    Column("handle_time", _MOMENT),
    _written("create_time"),
    Column("dedup_key", String(200)),
    _set("group_key", String(200), "''"),
    _set("suppressed", Boolean(), "false"),
    _set("rule", String(100), "''"),
    _set("facts", JSONB(), "'{}'"),
    Column("escalate_at", _MOMENT),
    Column("escalated_at", _MOMENT),
    PrimaryKeyConstraint("id", name="schedule_notify_pkey"),
    UniqueConstraint("dedup_key", name="schedule_notify_dedup_key"),
    Index("schedule_notify_time_idx", "create_time", "id"),
    Index("schedule_notify_job_idx", "job_id", "create_time", "id"),
    Index(
        "schedule_notify_pending_idx",
        *("create_time", "id"),
        postgresql_where=text("handle_status = 'pending'"),
    ),
    Index(
        "schedule_notify_unsent_idx",
        *("create_time", "id"),
        postgresql_where=text("send_status <> 'sent'"),
    ),
    Index(
        "schedule_notify_told_idx",
        *("group_key", "create_time"),
        postgresql_where=text("NOT suppressed"),
    ),
    Index(
        "schedule_notify_escalate_idx",
        "escalate_at",
        postgresql_where=text(
            "handle_status = 'pending' AND escalated_at IS NULL AND escalate_at IS NOT NULL"
        ),
    ),
)

schedule_audit = Table(
    "schedule_audit",
    metadata,
    _id(),
    _written("at"),
    _set("actor", String(64)),
    _set("role", String(16), "''"),
    _set("address", String(64), "''"),
    _set("action", String(32)),
    _set("subject", String(32)),
    Column("subject_id", BigInteger),
    _set("detail", JSONB(), "'{}'"),
    PrimaryKeyConstraint("id", name="schedule_audit_pkey"),
    Index("schedule_audit_time_idx", "at", "id"),
    Index("schedule_audit_subject_idx", "subject", "subject_id", "id"),
)
