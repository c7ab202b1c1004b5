"""An executor in the process of a test, so that an Admin of the kit can trigger it for real."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from executor.app import ExecutorApp
from executor.settings import ExecutorSettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from pathlib import Path

    from executor.testing.fake_admin import FakeAdmin


@asynccontextmanager
async def an_executor(
    folder: Path,
    *admins: FakeAdmin,
    modules: Sequence[str],
    config: Mapping[str, str] | None = None,
) -> AsyncIterator[str]:
    """Have an executor of the handlers in *modules*, registered at *admins*; gives its URL.

    Each Admin is a cluster of its own. Journal and logs are in *folder*; the port is a free one of
    this machine; *config* is what every handler reads as `ctx.config`. At the end it leaves at
    once: what still runs is stopped. Raises StartRefused when a module cannot be imported.
    """
    app = ExecutorApp(_settings(folder, admins, modules), configs=lambda _: config or {})
    await app.start()
    try:
        for admin in admins:
            await admin.registered()
        yield app.url()
    finally:
        hurry = asyncio.Event()
        hurry.set()
        await app.stop(hurry=hurry)


def _settings(
    folder: Path, admins: Sequence[FakeAdmin], modules: Sequence[str]
) -> ExecutorSettings:
    clusters = [
        {
            "name": f"admin{place}",
            "addresses": [admin.url],
            "access_token": admin.token,
            "app_name": admin.app_name,
        }
        for place, admin in enumerate(admins, start=1)
    ]
    chosen = {
        "data_dir": folder,
        "executor": {"port": 0, "drain_seconds": 0},
        "admins": clusters,
        "handlers": {"modules": list(modules)},
    }
    return ExecutorSettings.model_validate(chosen)
