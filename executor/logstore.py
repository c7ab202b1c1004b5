"""Where the logs of runs are written: one SQLite file a day, in chunks of lines.

A chunk is found by (cluster, log id, first line), so a page at line 1,000,000 costs what a page
at line 1 costs, a day is dropped by deleting its file, and no run has a file of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from executor import sqlite
from executor.clock import moment
from executor.written_ahead import WrittenAhead

_SCHEMA = """
CREATE TABLE IF NOT EXISTS chunk (
  id INTEGER PRIMARY KEY,
  cluster TEXT NOT NULL,
  log_id INTEGER NOT NULL,
  triggered_ms INTEGER NOT NULL,
  first_line INTEGER NOT NULL,      -- lines count from 1
  lines INTEGER NOT NULL,
  text TEXT NOT NULL                -- each line ends with a line feed
);
CREATE UNIQUE INDEX IF NOT EXISTS chunk_place
  ON chunk (log_id, triggered_ms, cluster, first_line);
"""
_INSERT = """
INSERT OR IGNORE INTO chunk (cluster, log_id, triggered_ms, first_line, lines, text)
VALUES (?,?,?,?,?,?)"""
_DELETE = "DELETE FROM chunk WHERE log_id=? AND triggered_ms=? AND cluster=?"
_OPEN_DAYS = 3
_DAY_MS = 24 * 3600_000
_LAST_MS = 253_402_214_400_000
"""9999-12-31: a trigger may claim any time."""


class Chunk(NamedTuple):
    """Some lines of one run, as they are written; *lines* 0 deletes the run's log."""

    cluster: str
    log_id: int
    triggered_ms: int
    first_line: int
    lines: int
    text: str


class LogWriter:
    """Writes chunks; used by one thread."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self._days: dict[date, WrittenAhead] = {}
        self.lost_lines = 0
        """Lines that the disk did not take since the start."""
        self.failure = ""
        """Why it did not take the last of them."""
        self.undeleted: dict[date, str] = {}
        """The days that could not be dropped, and why."""

    def append(self, chunks: Sequence[Chunk]) -> None:
        """Write *chunks*.

        A log that cannot be written loses lines and counts them: a full disk must not stop runs.
        """
        for _, group in groupby(chunks, key=lambda chunk: chunk.triggered_ms // _DAY_MS):
            some = list(group)
            day = day_of(some[0].triggered_ms)
            try:
                self._append(day, some)
            except sqlite.Error as error:
                self.failure = str(error)
                self.lost_lines += sum(chunk.lines for chunk in some)
                self._forget(day)

    def _append(self, day: date, chunks: list[Chunk]) -> None:
        db = self._open(day).db
        db.execute("BEGIN")
        try:
            for is_text, group in groupby(chunks, key=lambda chunk: chunk.lines > 0):
                if is_text:
                    db.executemany(_INSERT, group)
                else:
                    db.executemany(_DELETE, [(c.log_id, c.triggered_ms, c.cluster) for c in group])
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise

    def _open(self, day: date) -> WrittenAhead:
        opened = self._days.get(day)
        if opened is None:
            while len(self._days) >= _OPEN_DAYS:
                self._forget(next(iter(self._days)))
            opened = self._days[day] = WrittenAhead(day_file(self._directory, day))
            opened.db.execute(_SCHEMA)
        return opened

    def _forget(self, day: date) -> None:
        opened = self._days.pop(day, None)
        if opened is not None:
            opened.close()

    def drop_before(self, day: date) -> list[date]:
        """Delete the files of all days before *day*; the days that went.

        One that cannot be deleted is in `undeleted`, and keeps no other.
        """
        self.undeleted = {}
        old = [one for one in days(self._directory) if one < day]
        for one in old:
            try:
                self._delete(one)
            except OSError as error:
                self.undeleted[one] = str(error)
        return [one for one in old if one not in self.undeleted]

    def _delete(self, day: date) -> None:
        self._forget(day)
        for suffix in ("", "-wal", "-shm"):
            path = day_file(self._directory, day)
            path.with_name(path.name + suffix).unlink(missing_ok=True)

    def close(self) -> None:
        for day in list(self._days):
            self._forget(day)


def day_of(epoch_ms: int) -> date:
    """The day (UTC) whose file holds a run that was triggered at *epoch_ms*."""
    return moment(min(max(epoch_ms, 0), _LAST_MS)).date()


def day_file(directory: Path, day: date) -> Path:
    return directory / f"{day.isoformat()}.db"


def days(directory: Path) -> list[date]:
    """The days that have a file, oldest first; other files there are nobody's."""
    return sorted(day for path in directory.glob("????-??-??.db") if (day := _day_in(path.stem)))


def _day_in(name: str) -> date | None:
    try:
        return date.fromisoformat(name)
    except ValueError:
        return None
