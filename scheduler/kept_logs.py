"""Finds runs in the kept day files by log id alone, and reads their logs on, page by page."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import NamedTuple

from executor import sqlite
from executor.logpages import MADE, LogPages, Page
from executor.logstore import day_file, days

_PAGE_CHARS = 4 * 2**20
_FIND = "SELECT DISTINCT cluster, triggered_ms FROM chunk WHERE log_id = ?"
_STATE = "SELECT state FROM run WHERE cluster = ? AND log_id = ? AND triggered_ms = ?"


class KeptRun(NamedTuple):
    """A run whose log is kept; log ids alone repeat, over clusters and wiped Admins."""

    cluster: str
    log_id: int
    triggered_ms: int
    day: date


def kept_days(directory: Path) -> list[tuple[date, int]]:
    """Each day that has logs, oldest first, and the bytes it takes."""
    return [(day, _size(day_file(directory, day))) for day in days(directory)]


def find_runs(
    directory: Path,
    log_id: int,
    unreadable: Callable[[Path, Exception], None],
    *,
    cluster: str | None = None,
    day: date | None = None,
) -> list[KeptRun]:
    """The runs of this log id, oldest first; *day* is a day in UTC.

    *unreadable* is told of each day's file that cannot be read: the others are looked through.
    """
    found: list[KeptRun] = []
    for one in days(directory):
        if day in (None, one):
            try:
                found += _runs_of(directory, one, log_id)
            except sqlite.FAULTS as error:
                unreadable(day_file(directory, one), error)
    return sorted(
        (run for run in found if cluster in (None, run.cluster)), key=lambda run: run.triggered_ms
    )


def pages_from(pages: LogPages, run: KeptRun, first_line: int) -> Iterator[Page]:
    """What is there now of *run*'s log, from *first_line* on, counting from 1."""
    where = (run.cluster, run.log_id, run.triggered_ms)
    while page := pages.page(*where, from_line=first_line, budget=_PAGE_CHARS):
        if page.last_line < first_line:
            return
        yield page
        first_line = page.last_line + 1


def has_ended(journal: Path, run: KeptRun) -> bool:
    """Whether nothing more will come: the journal says so, or no longer knows the run."""
    if not journal.exists():
        return True
    with contextlib.closing(sqlite.connect_to_read(journal)) as db:
        row = db.execute(_STATE, (run.cluster, run.log_id, run.triggered_ms)).fetchone()
    return row is None or row[0] not in ("queued", "running")


def _runs_of(directory: Path, day: date, log_id: int) -> list[KeptRun]:
    with contextlib.closing(sqlite.connect_to_read(day_file(directory, day))) as db:
        if not db.execute(MADE).fetchone():
            return []
        rows = db.execute(_FIND, (log_id,))
        return [KeptRun(cluster, log_id, ms, day) for cluster, ms in rows]


def _size(path: Path) -> int:
    files = [path, path.with_name(path.name + "-wal")]
    return sum(file.stat().st_size for file in files if file.exists())
