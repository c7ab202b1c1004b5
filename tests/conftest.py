"""What holds for all tests."""

from __future__ import annotations

from collections.abc import Iterator

import aiohttp
import pytest
from hypothesis import HealthCheck, settings

from executor.testing import _admin_calls

# A shared machine may stand still in the middle of any example: that is no failure.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")


@pytest.fixture(scope="session", autouse=True)
def patient_admins() -> Iterator[None]:
    """Admins wait for an executor as long as it takes: a real one gives up after 3 s."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_admin_calls, "_TIMEOUT", aiohttp.ClientTimeout(total=60))
        yield
