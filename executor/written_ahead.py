"""SQLite files that one thread writes: ahead into a log (WAL), from which they are brought up to date.

SQLite does that within a commit, and whatever waits for the commit waits for the disk too: 40 ms in each
800 under full load. Here a thread beside the writer does it. What is written meanwhile, which is
little, is left to the writer: the log begins anew only after a moment in which all of it has been moved.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path

from apsw import SQLITE_OK

from executor import sqlite
from executor.aside import stand_aside

WAL_PAGES = 8_000
"""Pages (32 MiB) that gather before they are moved into the file."""
_ROUNDS = 2
"""The first takes what has gathered, the second what was written during the first."""


class WrittenAhead:
    """An open file. `db` belongs to the thread that writes, and so do all methods."""

    def __init__(self, path: Path, *, full_sync: bool = False, wal_pages: int = WAL_PAGES) -> None:
        """Open the file at *path*, or make it. Raise sqlite.Error.

        *full_sync*: what is committed outlives a loss of power, not only of the process.
        """
        self._path = path
        self._wal_pages = wal_pages
        self._moved = 0
        """Pages of the log, when they were moved last."""
        self._moving: Future[None] | None = None
        self._mover = ThreadPoolExecutor(1, "checkpoint", initializer=stand_aside)
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
        if pages < self._moved:  # the log has begun anew
            self._moved = 0
        if self._moving is None:
            if pages - self._moved >= self._wal_pages:
                self._moving = self._mover.submit(self._move)
        elif self._moving.done():
            self._moving.result()
            self._moving, self._moved = None, pages
            with suppress(sqlite.Error):
                db.wal_checkpoint()
        return SQLITE_OK

    def _move(self) -> None:
        # a disk that does not take it now has it in the log; commits say when that is full too
        with suppress(sqlite.Error), closing(sqlite.connect(self._path)) as db:
            db.execute("PRAGMA user_version").fetchone()  # before it has read, it knows of no log
            for _ in range(_ROUNDS):
                db.wal_checkpoint()
