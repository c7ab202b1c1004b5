"""What all tests of the bridge stand on."""

from __future__ import annotations

import pytest

from executor.testing.fake_admin import FakeAdmin
from tests.contract.clusters import GENERATIONS, TOKEN, a_cluster


@pytest.fixture(params=GENERATIONS)
async def admin(request):
    async with FakeAdmin(request.param, TOKEN) as admin:
        yield admin


@pytest.fixture
async def cluster(admin):
    async with a_cluster(admin.url) as cluster:
        yield cluster
