"""SQLite files that one thread writes: ahead into a log (WAL), from which they are brought up to date.

SQLite does that within a commit, and whatever waits for the commit waits for the disk too, some 40 ms.
Here a thread beside the writer does it (ADR 0018). What is written in the last moment of that is left
to the writer: the log begins anew only when all of it has been moved and nobody reads it.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path

import structlog
from apsw import SQLITE_OK

from executor import sqlite
from executor.aside import stand_aside
from executor.privacy import make_private

_log = structlog.get_logger(__name__)
WAL_PAGES = 8_000
"""Pages (32 MiB) that gather before they are moved into the file."""
_FEW = 1 / 20
"""Of WAL_PAGES: so many are moved within a commit, and gather before that is tried again."""
_MOST_ROUNDS = 5
"""Each moves what was written during the one before, until that is little."""
_MOST_MEANWHILE = 3
"""Times WAL_PAGES: when more is written during a move, who writes waits for it: the disk is slower."""


class WrittenAhead:
    """An open file. `db` belongs to the thread that writes, and so do all methods."""

    def __init__(self, path: Path, *, full_sync: bool = False, wal_pages: int = WAL_PAGES) -> None:
        """Open the file at *path*, or make one for us alone. Raise sqlite.Error.

        *full_sync*: what is committed outlives a loss of power, not only of the process.
        """
        self._path = path.absolute()  # a handler may change the folder that we are in
        self._wal_pages = wal_pages
        self._few = int(wal_pages * _FEW)
        self._pages = 0
        """Of the log, at the last commit."""
        self._due = wal_pages
        """With so many, something is to be moved."""
        self._was_moved = False
        """By the thread beside, but for a part that is left to us."""
        self._moving: Future[None] | None = None
        self._moving_since = 0
        """With so many pages in the log."""
        self._mover = ThreadPoolExecutor(1, "checkpoint", initializer=stand_aside)
        make_private(path)
        self.db = sqlite.connect(path)
        try:
            self.db.execute("PRAGMA journal_mode=WAL")
            self.db.execute(f"PRAGMA synchronous={'FULL' if full_sync else 'NORMAL'}")
        except BaseException:
            self.db.close()
            raise
        self.db.set_wal_hook(self._committed)

    def close(self) -> None:
        """Bring the file up to date, and close it."""
        self._mover.shutdown()
        self.db.close()

    def _committed(self, db: sqlite.Connection, _name: str, pages: int) -> int:
        """Look after the log. Raises nothing: the commit has been made."""
        if pages < self._pages:  # it has begun anew
            self._due, self._was_moved, self._moving = self._wal_pages, False, None
        self._pages = pages
        if pages >= self._due and (self._was_moved or self._is_moved(pages)):
            self._was_moved = True
            self._due = pages + self._few  # where a reader keeps the log, it is tried again then
            with suppress(sqlite.Error):
                _, moved = db.wal_checkpoint()
                # what a reader has kept us from for long is much: not for a commit, once it leaves
                self._was_moved = pages - moved < self._wal_pages
        return SQLITE_OK

    def _is_moved(self, pages: int) -> bool:
        """Have what is in the log moved beside us; whether that is done."""
        if self._moving is None:
            try:
                self._moving, self._moving_since = self._mover.submit(self._move), pages
            except RuntimeError:  # no thread is to be had: it is done in the commit, as SQLite does
                return True
        meanwhile = pages - self._moving_since
        if not self._moving.done() and meanwhile < _MOST_MEANWHILE * self._wal_pages:
            return False
        if error := self._moving.exception():
            _log.error("checkpoint_failed", file=self._path.name, exc_info=error)
        self._moving = None
        return True

    def _move(self) -> None:
        # a disk that does not take it now has it in the log; commits say when that is full too
        with suppress(sqlite.Error), closing(sqlite.connect(self._path)) as db:
            db.execute("PRAGMA user_version").fetchone()  # before it has read, it knows of no log
            moved = 0
            for _ in range(_MOST_ROUNDS):
                before, (_, moved) = moved, db.wal_checkpoint()
                if moved - before <= self._few:
                    break
