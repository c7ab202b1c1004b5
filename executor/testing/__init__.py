"""The test kit for authors of handlers: run one for real, or play the Admin of an executor."""

from __future__ import annotations

from executor.testing.fake_admin import FakeAdmin
from executor.testing.fake_console import FakeConsole
from executor.testing.instance import an_executor
from executor.testing.run import run_handler

__all__ = ["FakeAdmin", "FakeConsole", "an_executor", "run_handler"]
