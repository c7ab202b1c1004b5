"""Looks at the consoles of the Admins, where a user is set for them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import aiohttp

from admin_bridge.console import AdminGroup, AdminJob, Console, ConsoleError
from executor.settings import ClusterSection
from scheduler.doctor.console import Site, look_at_console, sign_in_fault
from scheduler.doctor.finding import Finding, ok, warn
from scheduler.doctor.machine import is_running
from scheduler.doctor.network import advertised_url
from scheduler.doctor.openings import glue_of, look_at_openings, shipped_password
from scheduler.doctor.schedules import look_at_schedules
from scheduler.settings import Settings
from scheduler.xxl.consoles import Consoles

_JOBS_A_PAGE = 1000


async def look_at_admins(
    settings: Settings, *, zone: str, try_password: bool
) -> AsyncIterator[Finding]:
    """Every finding at consoles; *zone* is that of jobs here.

    The shipped password is tried where a console's user is set, or everywhere by *try_password*.
    """
    for opening in look_at_openings(settings):
        yield opening
    consoles = Consoles(settings, timezone=zone)
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        for section in settings.clusters():
            if section.username:
                async for finding in _console(settings, section, consoles, zone=zone):
                    yield finding
            else:
                said = "no user is set: group, routed address, zone and crons are not looked at"
                yield ok(f"console {section.name}", said)
            if section.username or try_password:
                yield await shipped_password(section, session)
    await consoles.aclose()


async def _console(
    settings: Settings, section: ClusterSection, consoles: Consoles, *, zone: str
) -> AsyncIterator[Finding]:
    try:
        site = await _site(settings, section, await consoles.console(section.name))
        groups = await _groups(site)
    except ConsoleError as error:
        yield sign_in_fault(section.name, error)
        return
    yield ok(f"console {section.name}", f"{section.username} may read it")
    async for finding in look_at_console(site, groups):
        yield finding
    try:
        mine = site.group_in(groups)
        jobs = await _jobs(site, mine.id) if mine is not None else ()
        async for finding in look_at_schedules(site, jobs, zone=zone):
            yield finding
    except ConsoleError as error:
        yield warn(f"jobs {section.name}", str(error), "ask again")
        return
    for finding in glue_of(settings, section.name, jobs):
        yield finding


async def _groups(site: Site) -> Sequence[AdminGroup]:
    """All that there are; where ours is named, only that: the user need not see the others."""
    group_id = site.section.group_id
    if not group_id:
        return await site.console.groups()
    await site.console.jobs(group_id, limit=1)
    return (AdminGroup(group_id, site.app_name, "", automatic=True, addresses=()),)


async def _jobs(site: Site, group_id: int) -> Sequence[AdminJob]:
    """All jobs of the group, as far as the list holds still."""
    found: dict[int, AdminJob] = {}
    while True:
        page = await site.console.jobs(group_id, offset=len(found), limit=_JOBS_A_PAGE)
        known = len(found)
        found |= {job.id: job for job in page.rows}
        if len(found) == known or len(found) >= page.total:
            return tuple(found.values())


async def _site(settings: Settings, section: ClusterSection, console: Console) -> Site:
    return Site(
        section,
        console,
        app_name=settings.app_name_of(section),
        url=await advertised_url(settings) + settings.prefix_of(section.name),
        running=is_running(settings.data_dir),
    )
