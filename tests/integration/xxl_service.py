"""A service of one Admin cluster, for tests of what is done there: `admin` is the Admin itself."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from executor.testing.fake_console import FakeConsole
from tests.integration.api_service import ALL_HANDLERS, Api, an_api

GENERATIONS = ("2.4", "3.2", "3.4")
USER, PASSWORD = "scheduler", "a password"
ZONE = "Asia/Shanghai"
NO_MIRROR = {"mirror__enabled": "false"}
"""For tests in which only control looks at the Admin."""


class XxlApi(Api):
    """Speaks to the service, and knows its Admin."""

    admin: FakeConsole

    def on_wire(self, job: dict[str, Any]) -> dict[str, str]:
        """The form of a job at the Admin."""
        return self.admin.jobs[job["adminJobId"]].fields

    async def an_xxl_job(self, **fields: object) -> dict[str, Any]:
        return await self.a_job(**{"engine": "xxl", "cluster": "main"} | fields)


@asynccontextmanager
async def an_admin(generation: str, **options: Any) -> AsyncIterator[FakeConsole]:
    async with FakeConsole(generation, "the-token", zone=ZONE, **options) as admin:
        admin.add_user(USER, PASSWORD)
        yield admin


def cluster_of(admin: FakeConsole, **fields: object) -> dict[str, object]:
    """The setting of a cluster with this Admin."""
    known = {
        "name": "main",
        "addresses": [admin.url],
        "access_token": "the-token",
        "username": USER,
        "password": PASSWORD,
        "console_zone": ZONE,
    }
    return known | fields


@asynccontextmanager
async def a_service_of(
    admin: FakeConsole, folder: Path, url: str, **settings: object
) -> AsyncIterator[XxlApi]:
    """A service whose only Admin is *admin*; its executor is registered there."""
    chosen: dict[str, Any] = {
        "admins": json.dumps([cluster_of(admin)]),
        "handlers__modules": ALL_HANDLERS,
    }
    async with an_api(folder, url, **(chosen | settings)) as api:
        theirs = XxlApi(api.session, api.app)
        theirs.admin = admin
        await admin.until(lambda: bool(admin.registered_at(admin.groups[1])), 20)
        yield theirs
