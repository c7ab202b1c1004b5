"""The tables of alarms, beside `scheduler.tables`."""

from __future__ import annotations

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    Time,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from scheduler.columns import MOMENT, required, serial_id, written
from scheduler.tables import metadata, schedule_notify

schedule_notify_count = Table(
    "schedule_notify_count",
    metadata,
    required("notify_type", String(16)),
    required("level", String(16)),
    required("raised", BigInteger(), "0"),
    PrimaryKeyConstraint("notify_type", "level", name="schedule_notify_count_pkey"),
)

schedule_alarm_rule = Table(
    "schedule_alarm_rule",
    metadata,
    serial_id(),
    required("name", String(100)),
    required("enabled", Boolean(), "true"),
    required("priority", Integer(), "100"),
    Column("job_id", BigInteger),
    Column("job_group", String(100)),
    required("alarm_types", ARRAY(String(16)), "'{}'"),
    required("min_level", String(16), "'info'"),
    Column("set_level", String(16)),
    required("targets", ARRAY(String(400)), "'{}'"),
    required("group_by", String(8), "'all'"),
    required("window_seconds", Integer(), "300"),
    Column("quiet_from", Time),
    Column("quiet_to", Time),
    required("quiet_zone", String(64), "''"),
    required("quiet_level", String(16), "'critical'"),
    required("escalate_after_seconds", Integer(), "0"),
    required("escalate_targets", ARRAY(String(400)), "'{}'"),
    required("every_attempt", Boolean(), "false"),
    Column("late_seconds", Integer),
    Column("deadline_seconds", Integer),
    required("description", String(2000), "''"),
    required("version", Integer(), "1"),
    written("create_time"),
    written("update_time"),
    PrimaryKeyConstraint("id", name="schedule_alarm_rule_pkey"),
    UniqueConstraint("name", name="schedule_alarm_rule_name_key"),
)

schedule_alarm_channel = Table(
    "schedule_alarm_channel",
    metadata,
    serial_id(),
    required("name", String(64)),
    required("kind", String(16)),
    required("enabled", Boolean(), "true"),
    required("language", String(8), "''"),
    required("settings", JSONB(), "'{}'"),
    required("secrets", Text(), "''"),
    required("receivers", ARRAY(String(320)), "'{}'"),
    required("description", String(2000), "''"),
    required("version", Integer(), "1"),
    written("create_time"),
    written("update_time"),
    PrimaryKeyConstraint("id", name="schedule_alarm_channel_pkey"),
    UniqueConstraint("name", name="schedule_alarm_channel_name_key"),
)

schedule_delivery = Table(
    "schedule_delivery",
    metadata,
    serial_id(),
    required("message_id", Uuid(), "gen_random_uuid()"),
    required("purpose", String(16), "'alarm'"),
    required("rule", String(100), "''"),
    required("channel", String(64)),
    required("receiver", String(320), "''"),
    required("group_key", String(200), "''"),
    required("alarm_count", Integer(), "0"),
    required("state", String(16), "'gathering'"),
    Column("prompt_since", MOMENT),
    written("next_try"),
    required("attempts", Integer(), "0"),
    Column("owner", String(36)),
    Column("lease_until", MOMENT),
    required("last_error", String(2000), "''"),
    written("create_time"),
    Column("end_time", MOMENT),
    PrimaryKeyConstraint("id", name="schedule_delivery_pkey"),
    UniqueConstraint("message_id", name="schedule_delivery_message_key"),
    Index(
        "schedule_delivery_gathering_key",
        *("channel", "receiver", "rule", "purpose", "group_key"),
        unique=True,
        postgresql_where=text("state = 'gathering'"),
    ),
    Index(
        "schedule_delivery_due_idx",
        *("next_try", "id"),
        postgresql_where=text("state IN ('gathering', 'sending', 'retrying')"),
    ),
    Index("schedule_delivery_time_idx", "create_time", "id"),
)

schedule_delivery_alarm = Table(
    "schedule_delivery_alarm",
    metadata,
    required("delivery_id", BigInteger()),
    required("notify_id", BigInteger()),
    PrimaryKeyConstraint("delivery_id", "notify_id", name="schedule_delivery_alarm_pkey"),
    ForeignKeyConstraint(
        ["delivery_id"],
        [schedule_delivery.c.id],
        name="schedule_delivery_alarm_delivery_fkey",
        ondelete="CASCADE",
    ),
    ForeignKeyConstraint(
        ["notify_id"],
        [schedule_notify.c.id],
        name="schedule_delivery_alarm_notify_fkey",
        ondelete="CASCADE",
    ),
    Index("schedule_delivery_alarm_notify_idx", "notify_id"),
)

schedule_delivery_attempt = Table(
    "schedule_delivery_attempt",
    metadata,
    serial_id(),
    required("delivery_id", BigInteger()),
    required("attempt", Integer()),
    required("owner", String(36), "''"),
    written("started_at"),
    Column("ended_at", MOMENT),
    Column("outcome", String(8)),
    required("error", String(2000), "''"),
    PrimaryKeyConstraint("id", name="schedule_delivery_attempt_pkey"),
    UniqueConstraint("delivery_id", "attempt", name="schedule_delivery_attempt_key"),
    ForeignKeyConstraint(
        ["delivery_id"],
        [schedule_delivery.c.id],
        name="schedule_delivery_attempt_delivery_fkey",
        ondelete="CASCADE",
    ),
)

schedule_message = Table(
    "schedule_message",
    metadata,
    serial_id(),
    required("user_name", String(64)),
    Column("delivery_id", BigInteger),
    required("level", String(16)),
    required("title", String(500)),
    required("content", Text(), "''"),
    Column("read_at", MOMENT),
    written("create_time"),
    PrimaryKeyConstraint("id", name="schedule_message_pkey"),
    UniqueConstraint("delivery_id", "user_name", name="schedule_message_delivery_key"),
    ForeignKeyConstraint(
        ["delivery_id"],
        [schedule_delivery.c.id],
        name="schedule_message_delivery_fkey",
        ondelete="SET NULL",
    ),
    Index("schedule_message_user_idx", "user_name", "id"),
    Index(
        "schedule_message_unread_idx",
        *("user_name", "id"),
        postgresql_where=text("read_at IS NULL"),
    ),
)

schedule_alarm_event = Table(
    "schedule_alarm_event",
    metadata,
    serial_id(),
    required("kind", String(16)),
    required("job_id", BigInteger()),
    Column("log_id", BigInteger),
    required("at", MOMENT),
    Column("not_before", MOMENT),
    required("message", String(2000), "''"),
    PrimaryKeyConstraint("id", name="schedule_alarm_event_pkey"),
)

schedule_alarm_open = Table(
    "schedule_alarm_open",
    metadata,
    required("subject", String(100)),
    Column("job_id", BigInteger),
    required("notify_id", BigInteger()),
    required("failed_at", MOMENT),
    PrimaryKeyConstraint("subject", name="schedule_alarm_open_pkey"),
)

schedule_expectation = Table(
    "schedule_expectation",
    metadata,
    required("job_id", BigInteger()),
    required("due_at", MOMENT),
    written("noted_at"),
    PrimaryKeyConstraint("job_id", "due_at", name="schedule_expectation_pkey"),
)

schedule_lease = Table(
    "schedule_lease",
    metadata,
    required("name", String(32)),
    required("owner", String(36)),
    written("since"),
    required("lease_until", MOMENT),
    PrimaryKeyConstraint("name", name="schedule_lease_pkey"),
)
