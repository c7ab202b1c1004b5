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
    """Merging rows of a log, and what the recorder does with its runs too; gives added, changed."""
    shared = (
        (_SQL / name).read_text(encoding="utf-8") for name in ("note_runs.sql", "count_runs.sql")
    )
    return "".join([sql("merge_logs"), *shared, _TOLD])
