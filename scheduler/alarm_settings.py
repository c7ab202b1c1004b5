"""The settings of alarms: what counts as a problem, and who is told in which way."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, field_validator, model_validator

from executor.settings import Section, Zone

_Level = Literal["info", "warning", "error", "critical"]
_Type = Literal[
    "failure",
    "timeout",
    "retry",
    "missed",
    "late",
    "deadline",
    "slow",
    "executor_gone",
    "queue_stuck",
    "recovered",
    "custom",
]
_Target = Annotated[str, Field(pattern=r"^[^:\s][^:]{0,63}(:.{0,320})?$")]
_Targets = Annotated[list[_Target], Field(max_length=100)]
_Days = Annotated[int, Field(ge=0, le=30 * 86_400)]
LEAST_LATE_S = 5
"""Below, most runs would be late."""
_TIMES = r"^(([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d)?$"


class AlarmRuleSection(Section):
    name: str = Field(min_length=1, max_length=100, description="Name, for lists and messages.")
    priority: Annotated[int, Field(ge=0, le=1_000_000)] = Field(
        100, description="Lower ones have their say first; all that match are followed."
    )
    job_id: Annotated[int, Field(ge=0)] = Field(0, description="Only alarms of this job; 0: all.")
    job_group: str = Field(
        "", max_length=100, description="Only alarms of jobs of this group; empty: all."
    )
    types: list[_Type] = Field(
        [], description="Only these types, as docs/alarms.md lists; none: all."
    )
    min_level: _Level = Field("info", description="Only from this level on.")
    set_level: Literal["", "info", "warning", "error", "critical"] = Field(
        "", description="The level that they get; empty: as they were detected."
    )
    targets: _Targets = Field(
        [], description="Who is told: channel or channel:receiver; nobody: nobody is."
    )
    group_by: Literal["all", "job", "type", "none"] = Field(
        "all", description="What may go in one message."
    )
    window_seconds: _Days = Field(
        300, description="How long repetitions are gathered before they are told, seconds; 0: not."
    )
    quiet: str = Field("", pattern=_TIMES, description="Quiet hours, as 22:00-07:00; empty: none.")
    quiet_zone: Zone = Field("", description="IANA zone of both; empty: scheduler.timezone.")
    quiet_level: Literal["info", "warning", "error", "critical", "none"] = Field(
        "critical", description="From this level on quiet hours are broken."
    )
    escalate_after_seconds: _Days = Field(
        0, description="After how long without handling others are told, seconds; 0: never."
    )
    escalate_targets: _Targets = Field([], description="Who is told then.")
    every_attempt: bool = Field(
        False, description="Whether attempts that will be tried again raise alarms too."
    )
    late_seconds: _Days = Field(0, description="In place of alarms.late_seconds; 0: that.")
    deadline_seconds: _Days = Field(0, description="In place of alarms.deadline_seconds; 0: that.")

    @field_validator("late_seconds")
    @classmethod
    def _is_late_enough(cls, given: int) -> int:
        if 0 < given < LEAST_LATE_S:
            raise ValueError(f"must be {LEAST_LATE_S} at least, or 0")
        return given

    @model_validator(mode="after")
    def _tells_somebody_then(self) -> AlarmRuleSection:
        if self.escalate_after_seconds and not self.escalate_targets:
            raise ValueError("escalate_after_seconds needs escalate_targets: whom to tell then")
        return self


class AlarmChannelSection(Section):
    name: str = Field(
        min_length=1, max_length=64, pattern=r"^[^:\s]+$", description="What rules call it by."
    )
    kind: Literal["email", "sms", "in_site", "dingtalk", "wecom", "feishu", "webhook"] = Field(
        description="How it reaches people."
    )
    enabled: bool = Field(True, description="Whether anything is sent by it.")
    language: Literal["", "en", "zh"] = Field(
        "", description="Of its messages; empty: alarms.language."
    )
    settings: dict[str, Any] = Field(
        {}, description="What its kind needs, as docs/alarms.md lists; never a secret."
    )
    secrets: dict[str, SecretStr] = Field({}, description="Passwords and signing keys.")
    receivers: Annotated[list[str], Field(max_length=100)] = Field(
        [], description="Who is reached where a rule names none."
    )

    @model_validator(mode="after")
    def _can_be_used(self) -> AlarmChannelSection:
        from scheduler.channel_kinds import check_new  # its models cost an executor's start

        check_new(self.kind, self.settings, self.opened(), self.receivers)
        return self

    def opened(self) -> dict[str, str]:
        """The secrets themselves."""
        return {name: secret.get_secret_value() for name, secret in self.secrets.items()}


class AlarmsSection(Section):
    enabled: bool = Field(True, description="Whether problems are looked for, and told.")
    wait_seconds: Annotated[float, Field(ge=0, le=60)] = Field(
        0.8, description="How long alarms are gathered before the first message, seconds."
    )
    storm_seconds: Annotated[float, Field(ge=0, le=600)] = Field(
        15, description="How long at most, while many keep coming, seconds."
    )
    window_seconds: _Days = Field(
        300, description="The same as a rule's, where no rule says whom to tell."
    )
    missed_seconds: Annotated[int, Field(ge=5, le=86_400)] = Field(
        60, description="After how long a due time without a run was missed, seconds."
    )
    late_seconds: Annotated[int, Field(ge=LEAST_LATE_S, le=86_400)] = Field(
        60, description="From how much delay on a run has started late, seconds."
    )
    deadline_seconds: _Days = Field(
        0, description="How long a run may take before people are told, seconds; 0: any time."
    )
    slow_factor: Annotated[float, Field(ge=1, le=100)] = Field(
        2.0, description="A run is slow past so many times the 95th percentile of its job."
    )
    slow_seconds: Annotated[int, Field(ge=1, le=86_400)] = Field(
        30, description="A run that takes less is never slow, seconds."
    )
    executor_gone_seconds: Annotated[int, Field(ge=5, le=86_400)] = Field(
        30, description="After how long without a sign of life a replica is gone, seconds."
    )
    queue_stuck_seconds: Annotated[int, Field(ge=10, le=86_400)] = Field(
        300, description="How long a run may wait in a lane that does not move, seconds."
    )
    rules: list[AlarmRuleSection] = Field(
        [], description="Rules beside those of the database; without any, in-site messages."
    )
    channels: list[AlarmChannelSection] = Field(
        [], description="Channels beside those of the database and in_site."
    )
    language: Literal["en", "zh"] = Field("en", description="Of messages, where a channel says no.")
    templates: str = Field(
        "", description="Folder with templates in place of the built-in ones; empty: none."
    )
    send_seconds: Annotated[float, Field(ge=1, le=300)] = Field(
        15, description="How long sending one message may take, seconds."
    )
    retry_seconds: Annotated[float, Field(ge=0.1, le=3600)] = Field(
        60, description="Longest wait before the next attempt to send, seconds; it begins with one."
    )
    give_up_seconds: Annotated[int, Field(ge=0, le=30 * 86_400)] = Field(
        86_400, description="How long after its first attempt a message is given up, seconds."
    )
    give_up_attempts: Annotated[int, Field(ge=0, le=1_000_000)] = Field(
        0, description="After how many attempts too; 0: however many."
    )
    allowed_networks: list[str] = Field(
        [],
        description="Private networks that webhooks and gateways may be in, as 10.0.0.0/8; none: none.",
    )
    deadman_url: SecretStr = Field(
        SecretStr(""), description="URL that is called while all is well; empty: none."
    )
    deadman_seconds: Annotated[int, Field(ge=5, le=86_400)] = Field(
        60, description="How often it is called, seconds."
    )

    @field_validator("deadman_url")
    @classmethod
    def _is_a_url(cls, given: SecretStr) -> SecretStr:
        text = given.get_secret_value()
        if text and not text.startswith(("http://", "https://")):
            raise ValueError("a URL begins with http:// or https://")
        return given

    @field_validator("allowed_networks")
    @classmethod
    def _are_networks(cls, given: list[str]) -> list[str]:
        for network in given:
            ip_network(network)
        return given

    @field_validator("channels")
    @classmethod
    def _are_channels(cls, given: list[AlarmChannelSection]) -> list[AlarmChannelSection]:
        names = [channel.name for channel in given]
        if len(names) != len(set(names)):
            raise ValueError("each channel has a name of its own")
        return given

    @field_validator("rules")
    @classmethod
    def _are_different(cls, given: list[AlarmRuleSection]) -> list[AlarmRuleSection]:
        names = [rule.name for rule in given]
        if len(names) != len(set(names)):
            raise ValueError("each rule has a name of its own")
        return given
