"""Whether an Admin reads times as we do: its clock, its zone, and its dialect of cron."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from admin_bridge.console import AdminJob
from executor.clock import SystemClock, moment
from scheduler.cron import parse
from scheduler.doctor.console import Site
from scheduler.doctor.finding import Finding, fail, ok, warn

_SKEW = timedelta(seconds=5)
_MOST_ASKED = 20
"""Expressions that the Admin is asked to preview."""
_RISKY = re.compile(r"[LW]")


async def look_at_schedules(
    site: Site, jobs: Sequence[AdminJob], *, zone: str
) -> AsyncIterator[Finding]:
    """Clock, zone (*zone* is that of jobs here) and crons of our *jobs* at one Admin."""
    shown = await site.console.clock()
    there = ZoneInfo(site.section.console_zone) if site.section.console_zone else shown.zone
    yield clock_of(site.section.name, shown.ahead)
    yield zone_of(site, shown.offset, zone)
    async for finding in _dialect(site, there):
        yield finding
    async for finding in _crons(site, jobs, there):
        yield finding


def clock_of(name: str, ahead: timedelta) -> Finding:
    if abs(ahead) <= _SKEW:
        return ok("console clock", f"agrees with {name}")
    side = "ahead of" if ahead > timedelta() else "behind"
    said = f"{name} is {abs(ahead).total_seconds():.0f} s {side} this machine"
    return warn("console clock", said, "let both machines keep their time by NTP")


def zone_of(site: Site, offset: timedelta, zone: str) -> Finding:
    """Whether a cron means the same moment there and here."""
    now = moment(SystemClock().now_ms())
    said_zone = site.section.console_zone
    shown = _hours(offset)
    if said_zone and _offset(said_zone, now) != offset:
        said = f"{site.section.name} reads crons at {shown}, and console_zone is {said_zone}"
        return fail("zone", said, "set admins[].console_zone to the zone of the Admin's JVM")
    if _offset(zone, now) == offset and not said_zone and _has_summer_time(zone, now):
        said = f"{site.section.name} reads crons at {shown}, in summer or winter time only"
        return warn("zone", said, "set admins[].console_zone: else its log can't be read over both")
    if _offset(zone, now) == offset:
        return ok("zone", f"{site.section.name} reads crons at {shown}, as {zone} is here")
    said = f"{site.section.name} reads crons at {shown}, jobs here in {zone}"
    advice = "set scheduler.timezone to the Admin's zone, or start its JVM with -Duser.timezone"
    return warn("zone", said, advice if said_zone else f"{advice}; and set admins[].console_zone")


def _has_summer_time(zone: str, now: datetime) -> bool:
    return len({_offset(zone, now + timedelta(days=30 * month)) for month in range(12)}) > 1


def _offset(zone: str, now: datetime) -> timedelta:
    return now.astimezone(ZoneInfo(zone)).utcoffset() or timedelta()


def _hours(offset: timedelta) -> str:
    minutes = round(offset.total_seconds() / 60)
    sign = "-" if minutes < 0 else "+"
    return f"UTC{sign}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"


def probes(now: datetime) -> dict[str, str]:
    """Expressions on which Admins differ, and what it means when one has other times for them.

    W goes wrong where it moves on: a day is chosen that is a Sunday in the month after *now*.
    """
    next_month = (now.replace(day=1) + timedelta(days=32)).replace(day=2)
    sunday = next_month + timedelta(days=(6 - next_month.weekday()) % 7)
    return {
        "0 0 0 L * ?": "runs L (the last day) only in months of 31 days (Admins 3.1 to 3.3 do)",
        f"0 0 9,18 {sunday.day}W * ?": (
            "loses runs of W where its day is a Sunday (Admins 3.1 to 3.3 all of that month's,"
            " 3.4 some when there are several times a day)"
        ),
    }


async def _dialect(site: Site, there: tzinfo) -> AsyncIterator[Finding]:
    now = moment(SystemClock().now_ms()).astimezone(there)
    for expression, trouble in probes(now).items():
        if not await _agrees(site, expression, there):
            said = f"{site.section.name} {trouble}"
            yield warn("cron", said, "write the days out, or run such jobs with engine local")


async def _crons(site: Site, jobs: Sequence[AdminJob], there: tzinfo) -> AsyncIterator[Finding]:
    for finding in refused(jobs):
        yield finding
    risky = sorted({job.fields.schedule_conf for job in jobs if is_risky(job)})
    wrong = [text for text in risky[:_MOST_ASKED] if not await _agrees(site, text, there)]
    for text in wrong:
        said = f"{text!r} runs at other times at {site.section.name} than it says"
        yield warn("cron", said, "write the days out, or run the job with engine local")
    if not wrong:
        yield ok("crons", f"{len(jobs)} jobs looked at, {len(risky)} of them with L or W")


def refused(jobs: Sequence[AdminJob]) -> Iterator[Finding]:
    """Expressions that an Admin takes, and that do not mean what they seem to, or hang it."""
    for job in jobs:
        try:
            if job.fields.schedule_type == "CRON":
                parse(job.fields.schedule_conf)
        except ValueError as error:
            said = f"job {job.id} has {job.fields.schedule_conf!r}: {error}"
            yield warn("cron", said, "the Admin reads it in a way of its own: write it plainly")


def is_risky(job: AdminJob) -> bool:
    """Whether Admins of different versions may disagree; what we refuse may hang one: not asked."""
    text = job.fields.schedule_conf.upper()
    days = text.split()[3:4]
    if job.fields.schedule_type != "CRON" or not days or not _RISKY.search(days[0]):
        return False
    try:
        parse(text)
    except ValueError:
        return False
    return True


async def _agrees(site: Site, text: str, there: tzinfo) -> bool:
    theirs = await site.console.next_times("CRON", text)
    now = moment(SystemClock().now_ms()).astimezone(there)
    ours = parse(text).next_times(now, len(theirs))
    return [time.astimezone(there) for time in theirs] == list(ours)
