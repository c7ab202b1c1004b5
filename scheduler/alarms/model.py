"""The values of alarms: what was detected, how bad it is, and how its message stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from executor.run_alarm import Level as Level

IN_SITE = "in_site"
"""The channel that is always there: messages in the page."""


class AlarmType(StrEnum):
    """What was detected; the values are the API's notifyType."""

    FAILURE = "failure"
    TIMEOUT = "timeout"
    RETRIES_EXHAUSTED = "retry"
    """The last attempt of a chain has failed, whatever of."""
    MISSED_FIRE = "missed"
    """A due time has passed and nothing ran."""
    STARTED_LATE = "late"
    SOFT_DEADLINE = "deadline"
    """A run goes on for longer than people want to wait unknowing; it is not stopped."""
    SLOW = "slow"
    """A run goes on for much longer than most runs of its job."""
    EXECUTOR_GONE = "executor_gone"
    QUEUE_STUCK = "queue_stuck"
    """Runs wait in a lane that does not move."""
    RECOVERED = "recovered"
    """What an alarm was raised about works again."""
    CUSTOM = "custom"
    """A handler's own: `ctx.alarm`."""


LEVELS = {
    AlarmType.FAILURE: Level.ERROR,
    AlarmType.TIMEOUT: Level.ERROR,
    AlarmType.RETRIES_EXHAUSTED: Level.ERROR,
    AlarmType.MISSED_FIRE: Level.ERROR,
    AlarmType.STARTED_LATE: Level.WARNING,
    AlarmType.SOFT_DEADLINE: Level.WARNING,
    AlarmType.SLOW: Level.WARNING,
    AlarmType.EXECUTOR_GONE: Level.CRITICAL,
    AlarmType.QUEUE_STUCK: Level.ERROR,
    AlarmType.RECOVERED: Level.INFO,
    AlarmType.CUSTOM: Level.WARNING,
}
"""Where no rule says otherwise."""


class SendStatus(StrEnum):
    """All deliveries of an alarm together."""

    PENDING = "pending"
    SENT = "sent"
    """All of them, or there was nobody to be told."""
    PARTIAL = "partial"
    """Some were given up."""
    FAILED = "failed"
    """All of them were, or nobody could be told."""


class HandleStatus(StrEnum):
    """What people did about an alarm."""

    PENDING = "pending"
    HANDLED = "handled"
    IGNORED = "ignored"


class DeliveryState(StrEnum):
    """The life of a message on its way."""

    GATHERING = "gathering"
    """It takes alarms until `next_try`."""
    SENDING = "sending"
    """It is its owner's until `lease_until`."""
    RETRYING = "retrying"
    SENT = "sent"
    FAILED = "failed"


class Purpose(StrEnum):
    """Why a message is sent."""

    ALARM = "alarm"
    ESCALATION = "escalation"
    """Nobody has handled its alarms in time."""
    TEST = "test"


class ChannelKind(StrEnum):
    """How a channel reaches people."""

    EMAIL = "email"
    SMS = "sms"
    IN_SITE = "in_site"
    DINGTALK = "dingtalk"
    WECOM = "wecom"
    FEISHU = "feishu"
    WEBHOOK = "webhook"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """A detected problem, before any rule has seen it."""

    type: AlarmType
    level: Level
    title: str
    """One line."""
    content: str = ""
    dedup_key: str
    """The same for whatever is the same problem: it is raised once."""
    key: str
    """The same for what repeats: the same type of the same job."""
    job_id: int | None = None
    job_group: str = ""
    log_id: int | None = None
    facts: Mapping[str, object] = field(default_factory=dict)
    """For templates: `jobName`, `jobNo`, … as JSON has them."""
    breaks: str = ""
    """What is broken by it until it has recovered, as `job:5`; empty: nothing."""
    since: datetime | None = None
    """Since when that is broken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RaisedAlarm:
    """An alarm as it is kept: what a message tells of."""

    id: int
    job_id: int | None
    log_id: int | None
    type: AlarmType
    level: Level
    title: str
    content: str
    facts: Mapping[str, object]
    created: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One message to one receiver by one channel."""

    id: int
    message_id: UUID
    """Sent along, so that a receiver can tell a repetition."""
    purpose: Purpose
    rule: str
    channel: str
    receiver: str
    """Empty: whom the channel names."""
    attempts: int
    alarm_count: int
    created: datetime
