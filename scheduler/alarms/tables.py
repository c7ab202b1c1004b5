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

from scheduler.tables import _MOMENT, _id, _set, _written, metadata, schedule_notify

schedule_notify_count = Table(
    "schedule_notify_count",
    metadata,
    _set("notify_type", String(16)),
    _set("level", String(16)),
    _set("raised", BigInteger(), "0"),
    PrimaryKeyConstraint("notify_type", "level", name="schedule_notify_count_pkey"),
)

schedule_alarm_rule = Table(
    "schedule_alarm_rule",
    metadata,
    _id(),
    _set("name", String(100)),
    _set("enabled", Boolean(), "true"),
    _set("priority", Integer(), "100"),
    Column("job_id", BigInteger),
    Column("job_group", String(100)),
    _set("alarm_types", ARRAY(String(16)), "'{}'"),
    _set("min_level", String(16), "'info'"),
    Column("set_level", String(16)),
    _set("targets", ARRAY(String(400)), "'{}'"),
    _set("group_by", String(8), "'all'"),
    _set("window_seconds", Integer(), "300"),
    Column("quiet_from", Time),
    Column("quiet_to", Time),
    _set("quiet_zone", String(64), "''"),
    _set("quiet_level", String(16), "'critical'"),
    _set("escalate_after_seconds", Integer(), "0"),
    _set("escalate_targets", ARRAY(String(400)), "'{}'"),
    _set("every_attempt", Boolean(), "false"),
    Column("late_seconds", Integer),
    Column("deadline_seconds", Integer),
    _set("description", String(2000), "''"),
    _set("version", Integer(), "1"),
    _written("create_time"),
    _written("update_time"),
    PrimaryKeyConstraint("id", name="schedule_alarm_rule_pkey"),
    UniqueConstraint("name", name="schedule_alarm_rule_name_key"),
)

schedule_alarm_channel = Table(
    "schedule_alarm_channel",
    metadata,
    _id(),
    _set("name", String(64)),
    _set("kind", String(16)),
    _set("enabled", Boolean(), "true"),
    _set("language", String(8), "''"),
    _set("settings", JSONB(), "'{}'"),
    _set("secrets", Text(), "''"),
    _set("receivers", ARRAY(String(320)), "'{}'"),
    _set("description", String(2000), "''"),
    _set("version", Integer(), "1"),
    _written("create_time"),
    _written("update_time"),
    PrimaryKeyConstraint("id", name="schedule_alarm_channel_pkey"),
    UniqueConstraint("name", name="schedule_alarm_channel_name_key"),
)

schedule_delivery = Table(
    "schedule_delivery",
    metadata,
    _id(),
    _set("message_id", Uuid(), "gen_random_uuid()"),
    _set("purpose", String(16), "'alarm'"),
    _set("rule", String(100), "''"),
    _set("channel", String(64)),
    _set("receiver", String(320), "''"),
    _set("group_key", String(200), "''"),
    _set("alarm_count", Integer(), "0"),
    _set("state", String(16), "'gathering'"),
    Column("prompt_since", _MOMENT),
    _written("next_try"),
    _set("attempts", Integer(), "0"),
    Column("owner", String(36)),
    Column("lease_until", _MOMENT),
    _set("last_error", String(2000), "''"),
    _written("create_time"),
    Column("end_time", _MOMENT),
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
    _set("delivery_id", BigInteger()),
    _set("notify_id", BigInteger()),
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
    _id(),
    _set("delivery_id", BigInteger()),
    _set("attempt", Integer()),
    _set("owner", String(36), "''"),
    _written("started_at"),
    Column("ended_at", _MOMENT),
    Column("outcome", String(8)),
    _set("error", String(2000), "''"),
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
    _id(),
    _set("user_name", String(64)),
    Column("delivery_id", BigInteger),
    _set("level", String(16)),
    _set("title", String(500)),
    _set("content", Text(), "''"),
    Column("read_at", _MOMENT),
    _written("create_time"),
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
    _id(),
    _set("kind", String(16)),
    _set("job_id", BigInteger()),
    Column("log_id", BigInteger),
    _set("at", _MOMENT),
    Column("not_before", _MOMENT),
    _set("message", String(2000), "''"),
    PrimaryKeyConstraint("id", name="schedule_alarm_event_pkey"),
)

schedule_alarm_open = Table(
    "schedule_alarm_open",
    metadata,
    _set("subject", String(100)),
    Column("job_id", BigInteger),
    _set("notify_id", BigInteger()),
    _set("failed_at", _MOMENT),
    PrimaryKeyConstraint("subject", name="schedule_alarm_open_pkey"),
)

schedule_expectation = Table(
    "schedule_expectation",
    metadata,
    _set("job_id", BigInteger()),
    _set("due_at", _MOMENT),
    _written("noted_at"),
    PrimaryKeyConstraint("job_id", "due_at", name="schedule_expectation_pkey"),
)

schedule_lease = Table(
    "schedule_lease",
    metadata,
    _set("name", String(32)),
    _set("owner", String(36)),
    _written("since"),
    _set("lease_until", _MOMENT),
    PrimaryKeyConstraint("name", name="schedule_lease_pkey"),
)
