"""What an Admin's console tells: whether we may sign in, and whether its triggers find us."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from admin_bridge.console import (
    AdminGroup,
    AdminLog,
    Console,
    ConsoleError,
    ConsoleRefused,
    PermissionRefused,
    SignInRefused,
    Unsupported,
)
from executor.settings import ClusterSection
from scheduler.doctor.finding import Finding, fail, ok, warn

_RECENT = 100
"""Log rows that are looked at for a run on this executor."""
_LOST = (
    "the Admin compares them letter by letter, and calls every run over 10 minutes lost when they"
    " differ"
)


@dataclass(frozen=True, slots=True)
class Site:
    """One cluster, its console, and who we are there."""

    section: ClusterSection
    console: Console
    app_name: str
    url: str
    """Under which our executor registers there."""
    running: bool
    """Whether our executor runs now."""

    def group_in(self, groups: Sequence[AdminGroup]) -> AdminGroup | None:
        """Ours, by its app name."""
        return next((group for group in groups if group.app_name == self.app_name), None)


async def look_at_console(site: Site, groups: Sequence[AdminGroup]) -> AsyncIterator[Finding]:
    """Find our group among *groups*, and see whether triggers reach us."""
    mine = site.group_in(groups)
    if mine is None:
        advice = "add it in the console (executor management), with automatic registration"
        yield fail("group", f"none of app name {site.app_name!r} at {site.section.name}", advice)
        return
    if site.section.group_id:
        yield ok("routed address", "not looked at: admins[].group_id is for who may not see groups")
    else:
        yield route_of(site, mine)
    yield await _reach(site, mine)


def sign_in_fault(site_name: str, error: ConsoleError) -> Finding:
    """What an error at the first question to a console means."""
    subject = f"console {site_name}"
    if isinstance(error, Unsupported):
        said = "this Admin has a job API instead: its groups and logs can't be seen from here"
        return ok(subject, said)
    return fail(subject, str(error), _advice(error))


def _advice(error: ConsoleError) -> str:
    if isinstance(error, SignInRefused):
        return "set admins[].username and .password to a user made for this service alone"
    if isinstance(error, PermissionRefused):
        return (
            "make that user an administrator, or set admins[].group_id to a group that it may see"
        )
    return "mirror and control of jobs do not work like this"


def route_of(site: Site, group: AdminGroup) -> Finding:
    """Whether triggers are sent to the very address that we register."""
    subject = "routed address"
    if site.url in group.addresses:
        return ok(subject, f"{site.url} is in the group's list at {site.section.name}")
    listed = ", ".join(group.addresses) or "nothing"
    said = f"the group's list at {site.section.name} has {listed}, and not {site.url}"
    if any(_place(address) == _place(site.url) for address in group.addresses):
        advice = f"set executor.address, or the group's list, so that both are the same: {_LOST}"
        return fail(subject, said, advice)
    if not group.automatic:
        return fail(subject, said, "add it, or let the group fill from the registry")
    if site.running:
        advice = "it takes 30 s after the start; else see what `admin` says, and the app name"
        return warn(subject, said, advice)
    return warn(subject, said, "start the executor, then ask again")


def _place(url: str) -> tuple[str | None, int | None]:
    parts = urlsplit(url)
    host = "localhost" if parts.hostname == "127.0.0.1" else parts.hostname
    return host, parts.port


async def _reach(site: Site, group: AdminGroup) -> Finding:
    """Let the Admin ask us for the log of a run, which makes it call us and changes nothing."""
    subject = "way from the Admin"
    advice = "run any job of the group once in the console: the log's trigger remark says it"
    try:
        page = await site.console.logs(group_id=group.id, limit=_RECENT)
    except ConsoleError as error:
        return warn(subject, str(error), advice)
    ours = [row for row in page.rows if row.address == site.url]
    if not ours:
        return warn(subject, f"not known: no run of {site.url} is in the Admin's log yet", advice)
    if not site.running:
        return warn(
            subject, "not known while the executor does not run", "start it, then ask again"
        )
    return await _asked(site, ours[0])


async def _asked(site: Site, row: AdminLog) -> Finding:
    subject = "way from the Admin"
    try:
        await site.console.log_text(row.id, row=row)
    except ConsoleRefused as refusal:
        advice = f"let the Admin's machine connect to {site.url}, or set executor.address"
        return fail(subject, f"the Admin can't call {site.url}: {refusal}", advice)
    except ConsoleError as error:
        return warn(subject, str(error), "ask again")
    return ok(subject, f"{site.section.name} has called {site.url} for the log of run {row.id}")
