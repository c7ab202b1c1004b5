"""What a job has to do now: which fires, and when it is due next; pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile
from typing import NamedTuple
from zoneinfo import ZoneInfo

from scheduler.engine.calendars import Calendar, Rule
from scheduler.engine.rules import Every, Scheduled, is_delayed, rule_of, zone_of
from scheduler.job import MisfirePolicy

MISFIRED_AFTER = timedelta(seconds=5)
"""A due time that is later than this was missed; below, it is fired late."""
MOST_MADE_UP = 100
"""Of the missed times of a `fire_all`, the oldest so many are made up."""
NO_TIME = timedelta(0)
_MADE_UP = {
    MisfirePolicy.SKIP: 0,
    MisfirePolicy.FIRE_ONCE: 1,
    MisfirePolicy.FIRE_ALL: MOST_MADE_UP,
}


class PlannedFire(NamedTuple):
    """One fire of a rule."""

    at: datetime
    """When to fire: the due time, or now when it was missed."""
    scheduled: datetime
    """The due time."""


class Plan(NamedTuple):
    """What becomes of a due job."""

    fires: Sequence[PlannedFire]
    next_run_time: datetime | None
    misfired: bool
    """Some due time was missed; the job's policy said what was made up."""
    lost: datetime | None = None
    """The first of those that were not made up; None: all were."""


def plan(
    job: Scheduled, now: datetime, *, ahead: timedelta = NO_TIME, calendar: Calendar | None = None
) -> Plan:
    """Plan *job* from its `next_run_time` up to *ahead* of *now*. Raise BadSchedule."""
    due, rule, until = job.next_run_time, _in_zone(job, rule_of(job, now, calendar)), now + ahead
    if due is not None and is_delayed(job):
        return _plan_delayed(job.misfire_policy, rule, due, now=now, until=until)
    misfired = due is not None and due <= now - MISFIRED_AFTER
    fires: list[PlannedFire] = []
    lost = None
    if due is not None and misfired:
        lost = _lost(job.misfire_policy, rule, due, now)
        fires, resume_after = _make_up(job.misfire_policy, rule, due, now)
        due = rule.next_after(resume_after)
    while due is not None and due <= until:
        fires.append(PlannedFire(due, due))
        due = rule.next_after(due)
    return Plan(fires, due, misfired, lost)


def _plan_delayed(
    policy: MisfirePolicy, rule: Rule, due: datetime, *, now: datetime, until: datetime
) -> Plan:
    """The plan of a fixed delay: one fire, whose end says when the next is due."""
    misfired = due <= now - MISFIRED_AFTER
    if misfired and policy is MisfirePolicy.SKIP:
        return Plan((), rule.next_after(now), misfired, lost=due)
    if due > until:
        return Plan((), due, misfired)
    return Plan((PlannedFire(now if misfired else due, due),), None, misfired)


def first_time(
    job: Scheduled, now: datetime, *, calendar: Calendar | None = None
) -> datetime | None:
    """When a job that is started (or changed) now is due first, in UTC. Raise BadSchedule.

    An interval begins one interval from now. A `once` whose time has passed is due no more.
    """
    return _in_zone(job, rule_of(job, now, calendar)).next_after(now)


@dataclass(frozen=True, slots=True)
class _Utc:
    """A rule read in a zone, asked and answering in UTC, where moments can be compared."""

    rule: Rule
    zone: ZoneInfo

    def next_after(self, moment: datetime) -> datetime | None:
        due = self.rule.next_after(moment.astimezone(self.zone))
        return due.astimezone(UTC) if due is not None else None


def _in_zone(job: Scheduled, rule: Rule) -> Rule:
    zone = zone_of(job)
    return rule if isinstance(rule, Every) else _Utc(rule, zone)  # it is the same in every zone


def _make_up(
    policy: MisfirePolicy, rule: Rule, due: datetime, now: datetime
) -> tuple[list[PlannedFire], datetime]:
    """The fires for missed times from *due* on, and after which time the rule goes on."""
    late = now - MISFIRED_AFTER
    match policy:
        case MisfirePolicy.SKIP:
            return [], late
        case MisfirePolicy.FIRE_ONCE:
            return [PlannedFire(now, due)], now
        case MisfirePolicy.FIRE_ALL:
            missed = takewhile(lambda each: each <= late, _times(rule, due))
            return [PlannedFire(now, each) for each in islice(missed, MOST_MADE_UP)], late


def _lost(policy: MisfirePolicy, rule: Rule, due: datetime, now: datetime) -> datetime | None:
    """The first missed time from *due* on that *policy* does not make up."""
    first = next(islice(_times(rule, due), _MADE_UP[policy], None), None)
    return first if first is not None and first <= now - MISFIRED_AFTER else None


def _times(rule: Rule, first: datetime | None) -> Iterator[datetime]:
    while first is not None:
        yield first
        first = rule.next_after(first)
