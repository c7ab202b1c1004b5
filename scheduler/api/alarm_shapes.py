"""Alarms, their rules and in-site messages as the API shows and takes them."""

from __future__ import annotations

import re
from datetime import date, datetime, time
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field, WithJsonSchema

from scheduler.alarm_settings import LEAST_LATE_S
from scheduler.alarms.model import AlarmType, DeliveryState, HandleStatus, Level, SendStatus
from scheduler.alarms.notices import NoticeFilter
from scheduler.alarms.rule import GroupBy
from scheduler.api.shapes import Between, Count, Given, Id, Line, Name, Paging, Told
from scheduler.refusal import Invalid

_DAYS_S = 30 * 86_400
Seconds = Annotated[int, Field(ge=0, le=_DAYS_S)]
Target = Annotated[Line, Field(min_length=1, max_length=400)]
Targets = Annotated[
    tuple[Target, ...],
    Field(max_length=100, description="Who is told: channel or channel:receiver; nobody: nobody."),
]
User = Annotated[Line, Field(max_length=100)]
_TIME_OF_DAY = r"^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?$"


def _time_of_day(value: object) -> time:
    if isinstance(value, time):  # a row's
        return value.replace(microsecond=0)
    if not isinstance(value, str) or not re.fullmatch(_TIME_OF_DAY, value):
        raise ValueError("has to be a time of day, as 22:00")
    return time.fromisoformat(value)


# JSON Schema's own format of a time has an offset
TimeOfDay = Annotated[
    time,
    BeforeValidator(_time_of_day),
    WithJsonSchema({"type": "string", "pattern": _TIME_OF_DAY}),
]
"""On the clock of a zone that stands beside it."""


class NotifyPath(Given):
    notify_id: Id = Field(description="The alarm's id.")


class NotifyQuery(Between):
    """Which alarms are wanted, by the time at which they were detected."""

    job_id: Id | None = None
    log_id: Id | None = Field(None, description="The run that they are about.")
    status: HandleStatus | None = Field(None, description="The same as handleStatus.")
    handle_status: HandleStatus | None = None
    send_status: SendStatus | None = None
    type: AlarmType | None = Field(None, description="The same as notifyType.")
    notify_type: AlarmType | None = None
    level: Level | None = None

    def wanted(self, zone: ZoneInfo) -> NoticeFilter:
        """Raise Invalid where the same is asked for in two ways that differ."""
        if self.type and self.notify_type not in (None, self.type):
            raise Invalid("notify_type", "is the same as type, which says otherwise")
        if self.status and self.handle_status not in (None, self.status):
            raise Invalid("handle_status", "is the same as status, which says otherwise")
        begin, end = self.span(zone)
        return NoticeFilter(
            job_id=self.job_id,
            log_id=self.log_id,
            type=self.type or self.notify_type,
            level=self.level,
            handle_status=self.status or self.handle_status,
            send_status=self.send_status,
            start_time=begin,
            end_time=end,
        )


class NotifyTold(Told):
    """An alarm: a problem that was detected, whether people were told, and what they did."""

    id: int
    job_id: int | None = Field(description="null: it is about no job in particular.")
    job_name: str | None
    log_id: int | None = Field(description="The run that it is about.")
    notify_type: AlarmType
    level: Level
    title: str
    content: str
    send_status: SendStatus = Field(description="All its messages together.")
    handle_status: HandleStatus
    handler: str | None
    handle_remark: str | None
    handle_time: datetime | None
    create_time: datetime
    suppressed: bool = Field(description="It repeats one told shortly before.")
    rule: str = Field(description="The first rule that took it; empty: none did.")


class DeliveryTold(Told):
    """One message about an alarm."""

    message_id: str = Field(description="Sent along; the same in repetitions.")
    channel: str
    receiver: str
    purpose: str
    state: DeliveryState
    attempts: int
    last_error: str
    end_time: datetime | None


class NotifyWhole(NotifyTold):
    """An alarm, with the messages about it."""

    deliveries: list[DeliveryTold]


class Handling(Given):
    """What was done about an alarm."""

    handler: User = Field("", description="Who did; empty: whose token it is.")
    remark: Annotated[Line, Field(max_length=2000)] = ""
    status: HandleStatus = HandleStatus.HANDLED


class NotifyCounts(Told):
    """How many alarms there are."""

    total_count: int = Field(description="Ever raised.")
    today_count: int
    pending_count: int = Field(description="Nobody has handled them.")
    unsent_count: int = Field(description="With a message that has not gone out.")


class TodayTold(Told):
    """The alarms of today."""

    day: date = Field(description="In the zone of the service.")
    total_count: int
    types: dict[AlarmType, int]
    levels: dict[Level, int]


class MessagePath(Given):
    id: Id = Field(description="The message's id.")


class MessageQuery(Paging):
    unread: bool = Field(False, description="Only those that are not read.")


class MessageTold(Told):
    """An in-site message."""

    id: int
    level: Level
    title: str
    content: str
    read_at: datetime | None = Field(description="null: it is not read.")
    create_time: datetime


class RulePath(Given):
    id: Id = Field(description="The rule's id.")


class RuleGiven(Given):
    """Which alarms are told to whom, how loudly, and when."""

    name: Annotated[Name, Field(max_length=100)]
    enabled: bool = True
    priority: Annotated[int, Field(ge=0, le=1_000_000, description="Lower ones come first.")] = 100
    job_id: Id | None = Field(None, description="Only alarms of this job.")
    job_group: Annotated[Name, Field(max_length=100)] | None = Field(
        None, description="Only alarms of jobs of this group."
    )
    alarm_types: Annotated[
        tuple[AlarmType, ...], Field(max_length=len(AlarmType), description="None: all.")
    ] = ()
    min_level: Level = Field(Level.INFO, description="Only from this level on.")
    set_level: Level | None = Field(None, description="The level that they get.")
    targets: Targets = ()
    group_by: GroupBy = Field(GroupBy.ALL, description="What may go in one message.")
    window_seconds: Annotated[Seconds, Field(description="Repetitions are gathered so long.")] = 300
    quiet_from: TimeOfDay | None = Field(
        None, description="From then on nobody is disturbed, as 22:00."
    )
    quiet_to: TimeOfDay | None = None
    quiet_zone: Annotated[Line, Field(max_length=64)] = Field(
        "", description="IANA zone; empty: the service's."
    )
    quiet_level: Level | Literal["none"] = Field(
        Level.CRITICAL, description="From this level on quiet hours are broken."
    )
    escalate_after_seconds: Annotated[
        Seconds, Field(description="Others are told if nobody has handled it by then; 0: never.")
    ] = 0
    escalate_targets: Targets = ()
    every_attempt: bool = Field(
        False, description="Attempts that will be tried again raise alarms too."
    )
    late_seconds: Annotated[int, Field(ge=LEAST_LATE_S, le=_DAYS_S)] | None = None
    deadline_seconds: Annotated[int, Field(ge=1, le=_DAYS_S)] | None = None
    description: Annotated[Line, Field(max_length=2000)] = ""


class RuleChange(RuleGiven):
    """The whole rule as it shall be."""

    version: Annotated[Count, Field(description="Of the rule as it was read.")]


class RuleTold(Told):
    """An alarm rule."""

    id: int
    name: str
    enabled: bool
    priority: int
    job_id: int | None
    job_group: str | None
    alarm_types: list[AlarmType]
    min_level: Level
    set_level: Level | None
    targets: list[str]
    group_by: GroupBy
    window_seconds: int
    quiet_from: TimeOfDay | None
    quiet_to: TimeOfDay | None
    quiet_zone: str
    quiet_level: str
    escalate_after_seconds: int
    escalate_targets: list[str]
    every_attempt: bool
    late_seconds: int | None
    deadline_seconds: int | None
    description: str
    version: int
    create_time: datetime
    update_time: datetime
