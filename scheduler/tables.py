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
    ForeignKeyConstraint,
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

from scheduler.columns import MOMENT, required, serial_id, written

metadata = MetaData(schema="qooerp_scheduler")


def _counts() -> list[Column[Any]]:
    names = (
        *("execute_count", "success_count", "fail_count", "timeout_count", "discard_count"),
        *("duration_count", "duration_sum_ms", "duration_max_ms"),
    )
    return [required(name, BigInteger(), "0") for name in names]


schedule_job = Table(
    "schedule_job",
    metadata,
    serial_id(),
    required("job_no", String(96)),
    required("job_name", String(200)),
    required("job_group", String(100), "'default'"),
    required("description", String(2000), "''"),
    required("engine", String(8), "'local'"),
    Column("cluster", String(64)),
    Column("admin_job_id", BigInteger),
    Column("mirrored_at", MOMENT),
    required("handler_name", String(255), "''"),
    required("params", String(65535), "''"),
    required("schedule_type", String(16), "'none'"),
    Column("cron_expression", String(500)),
    Column("interval_seconds", Integer),
    Column("run_at", MOMENT),
    required("timezone", String(64), "'UTC'"),
    required("misfire_policy", String(16), "'fire_once'"),
    required("block_strategy", String(32), "'SERIAL_EXECUTION'"),
    required("timeout_seconds", Integer(), "0"),
    required("retry_strategy", String(16), "'none'"),
    required("retry_count", Integer(), "0"),
    required("retry_interval_seconds", Integer(), "0"),
    required("retry_max_interval_seconds", Integer(), "0"),
    required("status", String(16), "'stopped'"),
    Column("next_run_time", MOMENT),
    required("version", Integer(), "1"),
    written("create_time"),
    written("update_time"),
    Column("deleted_at", MOMENT),
    Column("calendar_name", String(64)),
    required("holiday_policy", String(16), "'skip'"),
    required("schedule_note", String(500), "''"),
    Column("admin_fields", JSONB),
    required("interval_mode", String(16), "'fixed_rate'"),
    PrimaryKeyConstraint("id", name="schedule_job_pkey"),
    UniqueConstraint("job_no", name="schedule_job_job_no_key"),
)
_alive = schedule_job.c.deleted_at.is_(None)
Index(
    "schedule_job_admin_key",
    *(schedule_job.c.cluster, schedule_job.c.admin_job_id),
    unique=True,
    postgresql_where=schedule_job.c.cluster.is_not(None),
)
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
    serial_id(),
    required("cluster", String(64)),
    required("admin_log_id", BigInteger()),
    required("trigger_time", MOMENT),
    required("job_id", BigInteger()),
    required("handler_name", String(255), "''"),
    required("params", String(65535), "''"),
    required("trigger_type", String(16)),
    required("status", String(16)),
    required("attempt", Integer(), "1"),
    Column("first_log_id", BigInteger),
    required("scheduled_time", MOMENT),
    Column("start_time", MOMENT),
    Column("end_time", MOMENT),
    Column("duration_ms", BigInteger),
    Column("result_code", Integer),
    required("result_message", String(15000), "''"),
    required("executor_address", String(512), "''"),
    required("shard_index", Integer(), "0"),
    required("shard_total", Integer(), "1"),
    required("restarts", Integer(), "0"),
    required("revision", BigInteger(), "0"),
    written("update_time"),
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
    required("id", String(36)),
    required("address", String(512), "''"),
    written("started_at"),
    written("steady_since"),
    written("heartbeat_at"),
    required("api_address", String(512), "''"),
    required("key_fingerprint", String(64), "''"),
    PrimaryKeyConstraint("id", name="schedule_replica_pkey"),
)

schedule_fire = Table(
    "schedule_fire",
    metadata,
    required("id", BigInteger(), "nextval('qooerp_scheduler.schedule_log_id_seq')"),
    required("job_id", BigInteger()),
    required("fire_time", MOMENT),
    required("scheduled_time", MOMENT),
    required("trigger_type", String(16)),
    Column("params", String(65535)),
    required("attempt", Integer(), "1"),
    Column("first_log_id", BigInteger),
    required("state", String(8), "'planned'"),
    Column("owner", String(36)),
    Column("lease_until", MOMENT),
    Column("origin", String(16)),
    Column("parents", JSONB),
    Column("killed_at", MOMENT),
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
    required("job_id", BigInteger()),
    required("parent_id", BigInteger()),
    Column("succeeded_at", MOMENT),
    Column("log_id", BigInteger),
    required("result", String(4000), "''"),
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
    required("name", String(64)),
    required("description", String(2000), "''"),
    required("working_weekdays", ARRAY(SmallInteger), "'{1,2,3,4,5}'"),
    required("closing_days", ARRAY(Date), "'{}'"),
    required("make_up_days", ARRAY(Date), "'{}'"),
    written("create_time"),
    written("update_time"),
    PrimaryKeyConstraint("name", name="schedule_calendar_pkey"),
)

schedule_job_statistics = Table(
    "schedule_job_statistics",
    metadata,
    Column("job_id", BigInteger, nullable=False, autoincrement=False),
    *_counts(),
    Column("last_run_time", MOMENT),
    Column("last_status", String(16)),
    PrimaryKeyConstraint("job_id", name="schedule_job_statistics_pkey"),
)

schedule_job_daily = Table(
    "schedule_job_daily",
    metadata,
    required("job_id", BigInteger()),
    required("day", Date()),
    *_counts(),
    PrimaryKeyConstraint("job_id", "day", name="schedule_job_daily_pkey"),
)

schedule_daily = Table(
    "schedule_daily",
    metadata,
    required("day", Date()),
    required("slot", SmallInteger()),
    *_counts(),
    PrimaryKeyConstraint("day", "slot", name="schedule_daily_pkey"),
)

schedule_mirror = Table(
    "schedule_mirror",
    metadata,
    required("cluster", String(64)),
    Column("group_id", BigInteger, nullable=False, autoincrement=False),
    required("app_name", String(64), "''"),
    Column("logs_until", MOMENT),
    required("newest_log_id", BigInteger(), "0"),
    Column("newest_log_at", MOMENT),
    Column("jobs_at", MOMENT),
    Column("logs_at", MOMENT),
    Column("reconciled_at", MOMENT),
    Column("wiped_at", MOMENT),
    required("error", String(2000), "''"),
    written("update_time"),
    required("automatic", Boolean(), "false"),
    Column("emptied_at", MOMENT),
    Column("listed_at", MOMENT),
    Column("listed_since", MOMENT),
    PrimaryKeyConstraint("cluster", "group_id", name="schedule_mirror_pkey"),
)

schedule_executor = Table(
    "schedule_executor",
    metadata,
    serial_id(),
    required("cluster", String(64)),
    required("address", String(512)),
    required("group_id", BigInteger()),
    written("seen_at"),
    Column("gone_at", MOMENT),
    required("ours", Boolean(), "false"),
    PrimaryKeyConstraint("id", name="schedule_executor_pkey"),
    UniqueConstraint("cluster", "address", name="schedule_executor_key"),
)

schedule_config = Table(
    "schedule_config",
    metadata,
    serial_id(),
    required("job_id", BigInteger()),
    required("config_key", String(128)),
    required("config_value", Text()),
    required("secret", Boolean(), "false"),
    required("description", String(2000), "''"),
    written("create_time"),
    written("update_time"),
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
    serial_id(),
    Column("job_id", BigInteger),
    Column("log_id", BigInteger),
    required("notify_type", String(16)),
    required("level", String(16)),
    required("title", String(500)),
    required("content", Text(), "''"),
    required("send_status", String(16), "'pending'"),
    required("handle_status", String(16), "'pending'"),
    Column("handler", String(100)),
    Column("handle_remark", String(2000)),
    Column("handle_time", MOMENT),
    written("create_time"),
    Column("dedup_key", String(200)),
    required("group_key", String(200), "''"),
    required("suppressed", Boolean(), "false"),
    required("rule", String(100), "''"),
    required("facts", JSONB(), "'{}'"),
    Column("escalate_at", MOMENT),
    Column("escalated_at", MOMENT),
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
    serial_id(),
    written("at"),
    required("actor", String(64)),
    required("role", String(16), "''"),
    required("address", String(64), "''"),
    required("action", String(32)),
    required("subject", String(32)),
    Column("subject_id", BigInteger),
    required("detail", JSONB(), "'{}'"),
    PrimaryKeyConstraint("id", name="schedule_audit_pkey"),
    Index("schedule_audit_time_idx", "at", "id"),
    Index("schedule_audit_subject_idx", "subject", "subject_id", "id"),
)
