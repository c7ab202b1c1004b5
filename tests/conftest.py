"""What holds for all tests."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# A shared machine may stand still in the middle of any example: that is no failure.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")
