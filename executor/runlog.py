"""The log of one run while it runs: lines from any thread, on their way to the day's file."""

from __future__ import annotations

import threading
import time
from datetime import datetime
from typing import Protocol

from executor.logstore import Chunk
from executor.text import storable

_CHUNK_CHARS = 64 * 1024
_LONGEST_LINE = 256 * 1024
MOST_CHARS = 256 * 2**20
"""What one run may log; a run that says more has said enough."""


class ChunkSink(Protocol):
    """Takes chunks towards the disk (`executor.journal.Journal`)."""

    def write_log(self, chunk: Chunk, *, last: bool = False) -> None: ...

    def wait_for_log_room(self) -> None: ...


class RunLog:
    """Gathers lines into chunks. Implements `executor.worker.LogSink`; any thread may write."""

    __slots__ = ("_key", "_lines", "_lock", "_next_line", "_sink", "_size", "_total", "_wanted")

    def __init__(
        self, identity: tuple[str, int, int], sink: ChunkSink, *, first_line: int = 1
    ) -> None:
        self._key = identity
        self._sink = sink
        self._lock = threading.Lock()
        self._lines: list[str] = []
        self._size = 0
        self._total = 0
        self._next_line = first_line
        self._wanted = True

    def write(self, text: str, level: str = "INFO") -> None:
        self.write_raw(f"{_stamp()} {level} {text}")

    def write_raw(self, text: str) -> None:
        if "\r" in text:  # each of \r\n, \n and \r ends a line at the reference too
            text = text.replace("\r\n", "\n").replace("\r", "\n")
        if len(text) > _LONGEST_LINE:
            text = _shorten(text)
        with self._lock:
            self._lines.append(text)
            self._size += len(text) + 1
            full = self._size >= _CHUNK_CHARS
        if full:
            self.flush()
            self._sink.wait_for_log_room()

    def flush(self, *, last: bool = False) -> None:
        """Hand on what has been gathered; *last*: nothing follows."""
        with self._lock:
            if not self._lines:
                return
            chunk = self._chunk(storable("\n".join(self._lines) + "\n"))
            self._lines, self._size = [], 0
            if chunk is not None:  # in the lock: chunks of a run reach the file in their order
                self._sink.write_log(chunk, last=last)

    def delete(self) -> None:
        """Drop all of it, and whatever is still to come."""
        with self._lock:
            self._wanted = False
            self._lines, self._size = [], 0
            self._sink.write_log(Chunk(*self._key, 0, 0, ""))

    def _chunk(self, text: str) -> Chunk | None:
        if self._total > MOST_CHARS or not self._wanted:
            return None
        self._total += len(text)
        if self._total > MOST_CHARS:
            text += f"… this run has logged {MOST_CHARS >> 20} MiB; the rest is left out …\n"
        lines = text.count("\n")
        first, self._next_line = self._next_line, self._next_line + lines
        return Chunk(*self._key, first, lines, text)


def _shorten(text: str) -> str:
    """*text* with its overlong lines cut, each saying so."""
    return "\n".join(
        line if len(line) <= _LONGEST_LINE else f"{line[:_LONGEST_LINE]}… ({len(line)} characters)"
        for line in text.split("\n")
    )


_stamped: tuple[int, str] = (0, "")
_second: tuple[int, str] = (0, "")


def _stamp() -> str:
    """Local time with milliseconds, as `2026-11-23 20:42:46.123`."""
    # both are kept: formatting them costs more than all the rest of a line
    global _stamped, _second
    now_ms = time.time_ns() // 1_000_000
    known, text = _stamped
    if known != now_ms:
        second, millis = divmod(now_ms, 1000)
        known, text = _second
        if known != second:
            text = datetime.fromtimestamp(second).astimezone().strftime("%Y-%m-%d %H:%M:%S")
            _second = (second, text)
        text = f"{text}.{millis:03}"
        _stamped = (now_ms, text)
    return text
