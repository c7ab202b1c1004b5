"""Settings and findings for the tests of doctor."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from executor.testing.fake_console import FakeConsole
from scheduler.doctor.admins import look_at_admins
from scheduler.doctor.finding import Finding
from scheduler.settings import Settings, load

TOKEN, USER, PASSWORD = "a-token", "qooerp", "a password"
CONSOLES = ["2.4", "3.2", "3.4"]


@asynccontextmanager
async def an_admin(generation: str = "2.4", **how: Any) -> AsyncIterator[FakeConsole]:
    async with FakeConsole(generation, token=TOKEN, **how) as admin:
        admin.add_user(USER, PASSWORD)
        yield admin


def settings_for(admin: FakeConsole, folder: Path, **cluster: str) -> Settings:
    known = {"name": "a", "addresses": admin.url, "access_token": TOKEN}
    section = known | {"username": USER, "password": PASSWORD} | cluster
    environ = {"admins": json.dumps([section]), "data_dir": str(folder / "data")}
    return load(None, {f"QOOERP_{key.upper()}": value for key, value in environ.items()})


async def found(
    settings: Settings, *, zone: str = "UTC", try_password: bool = False
) -> dict[str, list[Finding]]:
    """The findings by subject."""
    findings: dict[str, list[Finding]] = {}
    async for finding in look_at_admins(settings, zone=zone, try_password=try_password):
        findings.setdefault(finding.subject, []).append(finding)
    return findings


def at(settings: Settings, address: str) -> Settings:
    """*settings* of an executor that registers *address*."""
    section = settings.executor.model_copy(update={"address": address})
    return settings.model_copy(update={"executor": section})
