"""Results that an Admin refused for good, read and revived beside a service that may be running."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from executor import sqlite

_READ = """
SELECT id, cluster, log_id, state, coalesce(message, ''), ended_ms, refusal FROM run
WHERE callback = 3 AND ended_ms IS NOT NULL ORDER BY id"""
"""The result of a run that goes on may have been given up already, its cluster being gone."""
_REVIVE = """
UPDATE run SET callback=2, refusal=NULL WHERE id=? AND callback=3 AND NOT EXISTS (
 SELECT 1 FROM run AS newer
 WHERE newer.log_id=run.log_id AND newer.cluster=run.cluster AND newer.id>run.id)"""


class DeadLetter(NamedTuple):
    """A result that an Admin will not take, with its words."""

    run_id: int
    cluster: str
    log_id: int
    state: str
    message: str
    ended_ms: int
    refusal: str


def dead_letters(journal: Path) -> list[DeadLetter]:
    """Those in this journal, oldest first. Raise sqlite.Error."""
    with closing(sqlite.connect_to_read(journal)) as db:
        return [DeadLetter(*row) for row in db.execute(_READ)]


def revive(journal: Path, run_ids: Iterable[int]) -> int:
    """Owe these dead letters again; how many there were. The service finds them by itself.

    Those whose log id belongs to another run now stay: they would falsify its row.
    """
    with closing(sqlite.connect(journal)) as db:
        with db:
            db.executemany(_REVIVE, [(i,) for i in run_ids])
        return db.total_changes()
