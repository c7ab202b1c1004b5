"""SQLite files: the journal and the logs. Each connection is used by one thread at a time.

By apsw, not by the standard library's module, which takes a lock of the connection for every value of
a row, though one thread alone has it (ADR 0017 has the measurement). Never open a file by both in one
process: they are two SQLites, and where one closes it, the other's locks are gone.
"""

from __future__ import annotations

from pathlib import Path

from apsw import (
    SQLITE_OPEN_NOMUTEX,
    SQLITE_OPEN_READONLY,
    SQLITE_OPEN_READWRITE,
    Connection,
    Error,
    sqlite_lib_version,
)

if tuple(map(int, sqlite_lib_version().split("."))) < (3, 51, 3):
    # commits could be lost where a log begins anew beside a checkpoint (its "WAL-reset bug")
    raise ImportError(f"SQLite 3.51.3 or later is needed, apsw has {sqlite_lib_version()}")

__all__ = ["FAULTS", "Connection", "Error", "connect", "connect_to_read"]

FAULTS = (Error, UnicodeDecodeError)
"""What reading a damaged file raises: SQLite does not look whether its text is text."""
_BUSY_MS = 5_000
"""How long another process that writes is waited for."""


def connect(path: Path) -> Connection:
    """Open the file at *path*, which has to exist. Raise Error."""
    return _open(path, SQLITE_OPEN_READWRITE)


def connect_to_read(path: Path) -> Connection:
    """The same, only to look: into the file of a service that may be running."""
    return _open(path, SQLITE_OPEN_READONLY)


def _open(path: Path, flags: int) -> Connection:
    db = Connection(str(path), flags | SQLITE_OPEN_NOMUTEX)
    db.set_busy_timeout(_BUSY_MS)
    return db
