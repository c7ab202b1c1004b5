"""Whom an alarm is told to, in which message, and when; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from scheduler.alarms.model import IN_SITE, Alarm, AlarmType, Level, Purpose
from scheduler.alarms.rule import NOBODY, GroupBy, Rule, Rules, Target

ROLE = "role:"
_ADMINS = "role:admin"
_TOLD_BY_DEFAULT = ("operator", "admin")
_MOST_KEY = 200


@dataclass(frozen=True, slots=True, order=True)
class Slot:
    """What makes alarms go in the same message, while it is gathering."""

    channel: str
    receiver: str
    rule: str
    purpose: Purpose
    group_key: str


@dataclass(frozen=True, slots=True)
class Send:
    """One alarm's place in a message."""

    slot: Slot
    at: datetime
    """When it is to be sent at the latest."""
    prompt: bool
    """It does not wait for the end of a window or of quiet hours."""


@dataclass(frozen=True, slots=True)
class Routed:
    """An alarm as the rules have it."""

    alarm: Alarm
    rule: str
    """The first that took it; empty: the default did."""
    sends: tuple[Send, ...]
    meant: bool
    """Somebody is to be told; without sends nobody is there who could be."""
    escalate_at: datetime | None

    @property
    def suppressed(self) -> bool:
        """It only repeats, or disturbs nobody now."""
        return bool(self.sends) and not any(send.prompt for send in self.sends)


@dataclass(frozen=True, slots=True)
class People:
    """Users by their roles, for in-site messages."""

    by_role: Mapping[str, Sequence[str]]

    def of(self, receiver: str) -> list[str]:
        """Whom a receiver of in-site messages means: a user, `role:<role>`, or, empty, who acts."""
        if not receiver:
            return [name for role in _TOLD_BY_DEFAULT for name in self.by_role.get(role, ())]
        if receiver.startswith(ROLE):
            return list(self.by_role.get(receiver.removeprefix(ROLE), ()))
        return [receiver]


@dataclass(frozen=True, slots=True, kw_only=True)
class Router:
    """Routes by *rules*; *window* holds where none says whom to tell."""

    rules: Rules
    people: People
    wait: timedelta
    """How long alarms are gathered before a message."""
    window: timedelta

    def route(
        self, alarms: Iterable[Alarm], told: Mapping[str, datetime], now: datetime
    ) -> list[Routed]:
        """Route each; *told* says when alarms of a key were told last, not counting repetitions."""
        latest = dict(told)
        routed = []
        for alarm in alarms:
            one = self._route(alarm, latest.get(alarm.key), now)
            routed.append(one)
            if not one.suppressed:
                latest[alarm.key] = now
        return routed

    def escalate(self, alarm: Alarm, rule_name: str, now: datetime) -> tuple[Send, ...]:
        """Whom an alarm is told to that nobody has handled."""
        rule = self.rules.named(rule_name)
        if rule is None:
            return ()
        targets = self._expanded(rule.escalate_targets)
        return tuple(
            Send(_slot(target, rule, Purpose.ESCALATION, alarm), now + self.wait, prompt=True)
            for target in targets
        )

    def _route(self, detected: Alarm, told: datetime | None, now: datetime) -> Routed:
        level, taking = self._heard(detected)
        alarm = replace(detected, level=level)
        telling = [rule for rule in taking if rule.targets]
        if not telling:
            telling = [Rule(name="", targets=(Target(IN_SITE),), window=self.window)]
        sends = [send for rule in telling for send in self._sends(alarm, rule, told, now)]
        escalating = next((rule for rule in taking if rule.escalate_after), None)
        first = escalating or telling[0]
        return Routed(
            alarm,
            first.name,
            tuple(sends),
            meant=any(target.channel != NOBODY for rule in telling for target in rule.targets),
            escalate_at=_escalate_at(alarm, first, now),
        )

    def _heard(self, alarm: Alarm) -> tuple[Level, list[Rule]]:
        """The level that the alarm gets, and the rules that take it, each having heard the former."""
        level, is_set, taking = alarm.level, False, []
        for rule in self.rules.about(alarm.job_id, alarm.job_group, alarm.type):
            if not level.reaches(rule.min_level):
                continue
            taking.append(rule)
            if rule.set_level is not None and not is_set:
                level, is_set = rule.set_level, True
        return level, taking

    def _sends(
        self, alarm: Alarm, rule: Rule, told: datetime | None, now: datetime
    ) -> Iterable[Send]:
        at, prompt = now + self.wait, True
        if told is not None and told + rule.window > at:
            at, prompt = told + rule.window, False
        quiet_until = rule.quiet.until(at, alarm.level) if rule.quiet else None
        if quiet_until is not None:
            at, prompt = quiet_until, False
        for target in self._expanded(rule.targets):
            yield Send(_slot(target, rule, Purpose.ALARM, alarm), at, prompt)

    def _expanded(self, targets: Iterable[Target]) -> list[Target]:
        """One for each who is meant; where that is none of the users, the admins."""
        meant = [target for target in targets if target.channel != NOBODY]
        found: dict[Target, None] = {}
        for target in meant:
            found.update(dict.fromkeys(self._each(target)))
        return list(found or (self._each(Target(IN_SITE, _ADMINS)) if meant else ()))

    def _each(self, target: Target) -> list[Target]:
        if target.channel != IN_SITE:
            return [target]
        return [Target(IN_SITE, user) for user in self.people.of(target.receiver)]


def _slot(target: Target, rule: Rule, purpose: Purpose, alarm: Alarm) -> Slot:
    return Slot(target.channel, target.receiver, rule.name, purpose, _group_key(rule, alarm))


def _group_key(rule: Rule, alarm: Alarm) -> str:
    match rule.group_by:
        case GroupBy.ALL:
            return ""
        case GroupBy.JOB:
            return f"job:{alarm.job_id or ''}"
        case GroupBy.TYPE:
            return alarm.type.value
        case GroupBy.NONE:
            return alarm.dedup_key[:_MOST_KEY]


def _escalate_at(alarm: Alarm, rule: Rule, now: datetime) -> datetime | None:
    if rule.escalate_after is None or alarm.type is AlarmType.RECOVERED:
        return None
    return now + rule.escalate_after
