"""The statements of the engine."""

from __future__ import annotations

from scheduler.statements import statements

sql = statements("engine")
"""The text of one of them."""
