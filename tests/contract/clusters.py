"""A bridge to an Admin that is played, for the tests of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from admin_bridge import AdminCluster, ClusterConfig
from executor.testing.fake_admin import Generation

TOKEN = "s3cret"
APP = "qooerp-scheduler"
URL = "http://127.0.0.1:9999"
GENERATIONS = [str(generation) for generation in Generation]


@asynccontextmanager
async def a_cluster(
    *addresses: str, token: str = TOKEN, app_name: str = APP, timeout_s: float = 5.0
) -> AsyncIterator[AdminCluster]:
    cluster = AdminCluster(ClusterConfig("main", addresses, token, app_name), timeout_s=timeout_s)
    yield cluster
    cluster.close()
