"""A rule: which alarms it takes, how loud they are, whom it tells, and when not; pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from scheduler.alarm_settings import AlarmRuleSection
from scheduler.alarms.model import AlarmType, Level

NOBODY = "nobody"
"""As a target: these alarms are kept, and nobody is told."""
_NEVER = "none"
_CHANNEL, _RECEIVER = 64, 320
"""Most characters."""


class GroupBy(StrEnum):
    """What may go in one message."""

    ALL = "all"
    JOB = "job"
    TYPE = "type"
    NONE = "none"


@dataclass(frozen=True, slots=True, order=True)
class Target:
    """Somebody to be told."""

    channel: str
    receiver: str = ""
    """Empty: whom the channel names."""

    @classmethod
    def parse(cls, text: str) -> Target:
        """Read `channel` or `channel:receiver`. Raise ValueError."""
        channel, _, receiver = (part.strip() for part in text.partition(":"))
        if not channel or len(channel) > _CHANNEL or len(receiver) > _RECEIVER:
            raise ValueError(f"{text[:80]!r} is no target: write channel or channel:receiver")
        return cls(channel, receiver)


@dataclass(frozen=True, slots=True)
class Quiet:
    """Hours in which nobody is disturbed."""

    begins: time
    ends: time
    """Earlier than, or as, `begins`: on the next day."""
    zone: ZoneInfo
    broken_from: Level | None
    """From this level on they are not kept; None: always."""

    def until(self, now: datetime, level: Level) -> datetime | None:
        """When an alarm of *level* may disturb again; None: now."""
        if self.broken_from is not None and level.reaches(self.broken_from):
            return None
        local = now.astimezone(self.zone)
        over_midnight = self.ends <= self.begins
        after, before = local.time() >= self.begins, local.time() < self.ends
        if not (after or before if over_midnight else after and before):
            return None
        day = local.date() + timedelta(days=1 if over_midnight and after else 0)
        return datetime.combine(day, self.ends, self.zone)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule, from the database or from the configuration."""

    name: str
    priority: int = 100
    job_id: int | None = None
    job_group: str | None = None
    types: frozenset[AlarmType] = frozenset()
    """Empty: all."""
    min_level: Level = Level.INFO
    set_level: Level | None = None
    targets: tuple[Target, ...] = ()
    """Empty: the rule does not say who is told."""
    group_by: GroupBy = GroupBy.ALL
    window: timedelta = timedelta(seconds=300)
    quiet: Quiet | None = None
    escalate_after: timedelta | None = None
    escalate_targets: tuple[Target, ...] = ()
    every_attempt: bool = False
    late: timedelta | None = None
    deadline: timedelta | None = None

    def is_about(self, job_id: int | None, job_group: str, kind: AlarmType) -> bool:
        """Whether it has a say in such alarms, whatever their level."""
        return (
            self.job_id in (None, job_id)
            and self.job_group in (None, job_group)
            and (not self.types or kind in self.types)
        )


@dataclass(frozen=True, slots=True)
class Rules:
    """All rules, in the order in which they have their say."""

    ordered: tuple[Rule, ...] = field(default=())

    @classmethod
    def of(cls, rules: Iterable[Rule]) -> Rules:
        return cls(tuple(sorted(rules, key=lambda rule: (rule.priority, rule.name))))

    def about(self, job_id: int | None, job_group: str, kind: AlarmType) -> Iterable[Rule]:
        return (rule for rule in self.ordered if rule.is_about(job_id, job_group, kind))

    def named(self, name: str) -> Rule | None:
        return next((rule for rule in self.ordered if rule.name == name), None)

    def wants_every_attempt(self, job_id: int, job_group: str) -> bool:
        return any(rule.every_attempt for rule in self.about(job_id, job_group, AlarmType.FAILURE))

    def late(self, job_id: int, job_group: str, default: timedelta) -> timedelta:
        """From how much delay on a start of the job is late."""
        about = self.about(job_id, job_group, AlarmType.STARTED_LATE)
        return next((rule.late for rule in about if rule.late), default)

    def deadline(self, job_id: int, job_group: str, default: timedelta) -> timedelta | None:
        """How long a run of the job may take before people are told; None: any time."""
        about = self.about(job_id, job_group, AlarmType.SOFT_DEADLINE)
        return next((rule.deadline for rule in about if rule.deadline), default or None)

    def least_late(self, default: timedelta) -> timedelta:
        """The least delay that is late for any job."""
        return min([default, *(rule.late for rule in self.ordered if rule.late)])

    def least_running(self, slow: timedelta, default: timedelta) -> timedelta:
        """From which running time on a run may be of interest to anybody."""
        limits = [rule.deadline for rule in self.ordered] + [default, slow]
        return min(limit for limit in limits if limit)


def rule_of_section(section: AlarmRuleSection, zone: str) -> Rule:
    """A rule of the configuration; *zone* is the service's. Raise ValueError."""
    begins, _, ends = section.quiet.partition("-")
    return Rule(
        name=section.name,
        priority=section.priority,
        job_id=section.job_id or None,
        job_group=section.job_group or None,
        types=frozenset(map(AlarmType, section.types)),
        min_level=Level(section.min_level),
        set_level=Level(section.set_level) if section.set_level else None,
        targets=tuple(map(Target.parse, section.targets)),
        group_by=GroupBy(section.group_by),
        window=timedelta(seconds=section.window_seconds),
        quiet=_quiet(_time(begins), _time(ends), section.quiet_zone or zone, section.quiet_level),
        escalate_after=_span(section.escalate_after_seconds),
        escalate_targets=tuple(map(Target.parse, section.escalate_targets)),
        every_attempt=section.every_attempt,
        late=_span(section.late_seconds),
        deadline=_span(section.deadline_seconds),
    )


def rule_of_row(row: Any, zone: str) -> Rule:
    """The rule in a row of `schedule_alarm_rule`; *zone* is the service's. Raise ValueError."""
    return Rule(
        name=row["name"],
        priority=row["priority"],
        job_id=row["job_id"],
        job_group=row["job_group"],
        types=frozenset(map(AlarmType, row["alarm_types"])),
        min_level=Level(row["min_level"]),
        set_level=Level(row["set_level"]) if row["set_level"] else None,
        targets=tuple(map(Target.parse, row["targets"])),
        group_by=GroupBy(row["group_by"]),
        window=timedelta(seconds=row["window_seconds"]),
        quiet=_quiet(
            row["quiet_from"], row["quiet_to"], row["quiet_zone"] or zone, row["quiet_level"]
        ),
        escalate_after=_span(row["escalate_after_seconds"]),
        escalate_targets=tuple(map(Target.parse, row["escalate_targets"])),
        every_attempt=row["every_attempt"],
        late=_span(row["late_seconds"]),
        deadline=_span(row["deadline_seconds"]),
    )


def _quiet(begins: time | None, ends: time | None, zone: str, level: str) -> Quiet | None:
    if begins is None or ends is None:
        return None
    try:
        known = ZoneInfo(zone)
    except (OSError, ValueError, LookupError):
        raise ValueError(f"{zone!r} is no IANA zone") from None
    return Quiet(begins, ends, known, None if level == _NEVER else Level(level))


def _time(text: str) -> time | None:
    return time.fromisoformat(text) if text else None


def _span(seconds: int | None) -> timedelta | None:
    return timedelta(seconds=seconds) if seconds else None
