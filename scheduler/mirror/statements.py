"""The mirror's statements: each a file of `scheduler/sql`, whose head says what it does."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

_SQL = files("scheduler") / "sql"
_TOLD = "SELECT (SELECT count(*) FROM inserted) AS added, (SELECT count(*) FROM updated) AS changed"


@cache
def sql(name: str) -> str:
    """The text of one of the mirror's own."""
    return (_SQL / "mirror" / f"{name}.sql").read_text(encoding="utf-8")


@cache
def merge_logs() -> str:
    """Merging rows of a log, and the counting that the recorder shares; gives added, changed."""
    return sql("merge_logs") + (_SQL / "count_runs.sql").read_text(encoding="utf-8") + _TOLD
