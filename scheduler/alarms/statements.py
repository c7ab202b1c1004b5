"""The statements of alarms."""

from __future__ import annotations

from scheduler.statements import statements

sql = statements("alarms")
"""The text of one of them."""
