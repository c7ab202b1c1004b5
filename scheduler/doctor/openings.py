"""What is open to others: tokens and passwords that everybody knows, and scripts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import aiohttp

from admin_bridge.console import (
    AdminJob,
    ConsoleConfig,
    ConsoleError,
    PermissionRefused,
    SignInRefused,
    Unsupported,
    open_console,
)
from executor.settings import ClusterSection
from scheduler.doctor.finding import Finding, fail, ok, warn
from scheduler.settings import Settings

_SHIPPED_TOKEN = "default_token"
_SHIPPED_USER = ("admin", "123456")
"""What every XXL-JOB comes with."""
_GLUE = "whoever may edit jobs at the Admin can run any code here, as this service's user"


def look_at_openings(settings: Settings) -> Iterator[Finding]:
    """Shipped tokens, and script types that are let in."""
    for section in settings.clusters():
        if settings.token_of(section) == _SHIPPED_TOKEN:
            said = f"{section.name} uses the token that every XXL-JOB is shipped with"
            advice = "set another one in the Admin's settings (xxl.job.accessToken), and here"
            yield fail("access token", said, advice)
    if settings.executor.scripts:
        types = ", ".join(settings.executor.scripts)
        yield warn("GLUE", f"{types}: {_GLUE}", "take out of executor.scripts what is not needed")


def glue_of(settings: Settings, name: str, jobs: Sequence[AdminJob]) -> Iterator[Finding]:
    """Jobs of our group that will be refused here, as their kind of script is not let in."""
    kinds = Counter(job.fields.glue_type for job in jobs if job.fields.glue_type != "BEAN")
    for kind, count in sorted(kinds.items()):
        if kind not in settings.executor.scripts:
            said = f"{count} jobs of {kind} at {name}: their runs are refused here"
            yield warn("GLUE", said, "make handlers of them, or list the type: executor.scripts")


async def shipped_password(section: ClusterSection, session: aiohttp.ClientSession) -> Finding:
    """Try once to sign in as everybody can at an Admin that was left as shipped.

    Since 3.2 a sign-in ends that user's other session: only of one whose password must be changed.
    """
    subject = f"password {section.name}"
    username, password = _SHIPPED_USER
    config = ConsoleConfig(section.name, tuple(section.addresses), username, password)
    try:
        console = await open_console(session, config)
        try:
            await console.groups()
        finally:
            await console.aclose()
    except SignInRefused:
        return ok(
            subject, f"{username} does not have the password of every new XXL-JOB (tried once)"
        )
    except Unsupported:
        return ok(subject, "not tried: there is no sign-in for us at this Admin")
    except PermissionRefused:
        pass  # it signed in, and an operator has taken its rights
    except ConsoleError:
        return ok(subject, "not tried: there is no console, see above")
    said = f"anybody can sign in as {username} with the password that XXL-JOB is shipped with"
    return fail(subject, said, "change it in the console (user management)")
