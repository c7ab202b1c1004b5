"""The mirror's statements."""

from __future__ import annotations

from scheduler.statements import statements

_shared = statements()
_TOLD = "SELECT (SELECT count(*) FROM inserted) AS added, (SELECT count(*) FROM updated) AS changed"

sql = statements("mirror")
"""The text of one of the mirror's own."""
MERGE_LOGS = "".join([sql("merge_logs"), _shared("note_runs"), _shared("count_runs"), _TOLD])
"""Merging rows of a log, and what the recorder does with its runs too; gives added, changed."""
