"""A mirror of a fake Admin with its console, over HTTP, in a time that passes only when it waits."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import asyncpg

from executor.testing.fake_console import FakeConsole
from scheduler.mirror_settings import MirrorSection
from scheduler.settings import load
from scheduler.xxl.consoles import Consoles
from tests.integration.memory_admin import MemoryAdmin
from tests.integration.mirror_stage import Stage

BUSY = MirrorSection(interval_seconds=1, requests_per_minute=600, page_size=10)


def consoles_of(admin: FakeConsole, *, group_id: int = 0) -> Consoles:
    """A user of role 0 has the group of this id."""
    secret = "mirror-password"
    role = {"role": 0, "groups": (group_id,)} if group_id else {}
    admin.add_user("mirror", secret, **role)  # type: ignore[arg-type]
    cluster = {"name": "main", "addresses": [admin.url], "group_id": group_id}
    given = json.dumps([cluster | {"username": "mirror", "password": secret}])
    return Consoles(load(None, {"QOOERP_ADMINS": given}), timezone="UTC")


@asynccontextmanager
async def a_stage(
    sql: asyncpg.Connection, admin: FakeConsole, *, group_id: int = 0, section: MirrorSection = BUSY
) -> AsyncIterator[Stage]:
    consoles = consoles_of(admin, group_id=group_id)
    stage = Stage(sql, MemoryAdmin(), section, doors=consoles)
    stage.time.start = datetime.now(UTC)
    yield stage
    await consoles.aclose()
