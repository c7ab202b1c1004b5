"""The statements of alarms: each a file of `scheduler/sql/alarms`, whose head says what it does."""

from __future__ import annotations

from functools import cache
from importlib.resources import files


@cache
def sql(name: str) -> str:
    """The text of one of them."""
    return (files("scheduler") / "sql" / "alarms" / f"{name}.sql").read_text(encoding="utf-8")
