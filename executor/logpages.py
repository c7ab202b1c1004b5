"""Reads the logs of runs, by page; every call opens the day's file, so any thread may call."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import NamedTuple

from executor.logstore import day_file, day_of

_SLACK_MS = 1_500
"""The Admin asks with a time cut to the second, or rounded up (`protocol.md` (c), log files)."""
_MADE = "SELECT 1 FROM sqlite_master WHERE name = 'chunk_place'"
_RUN = "log_id = ? AND triggered_ms = ? AND cluster = ?"
_TIMES = "SELECT DISTINCT triggered_ms FROM chunk WHERE log_id = ? AND cluster = ?"
_TOTAL = f"SELECT first_line + lines - 1 FROM chunk WHERE {_RUN} ORDER BY first_line DESC LIMIT 1"
_FROM = f"""
SELECT first_line, text FROM chunk WHERE {_RUN} AND first_line >= coalesce((
  SELECT first_line FROM chunk WHERE {_RUN} AND first_line <= ? ORDER BY first_line DESC LIMIT 1
), 1) ORDER BY first_line"""
_BACKWARDS = f"SELECT text FROM chunk WHERE {_RUN} ORDER BY first_line DESC"


class Page(NamedTuple):
    """Lines of one run, and where they stand."""

    text: str
    """The lines joined by line feeds, without a last one."""
    last_line: int
    """Number of the last line in *text*; less than the first asked for when there is none."""
    total: int
    """Lines that the run's log has so far."""


class _Log(NamedTuple):
    """One run's log in its day's open file."""

    db: sqlite3.Connection
    key: tuple[int, int, str]


class LogPages:
    """The logs under one directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def page(
        self, cluster: str, log_id: int, when_ms: int, *, from_line: int, budget: int
    ) -> Page | None:
        """The lines from *from_line* on, about *budget* characters at most; None: no log.

        *when_ms* is the trigger's time, exact or as the Admin gives it back. Where more is there
        than fits, the next page has it.
        """
        with self._opened(cluster, log_id, when_ms) as log:
            return _page(log, max(from_line, 1), budget) if log else None

    def whole(self, cluster: str, log_id: int, when_ms: int, *, budget: int) -> Page | None:
        """The whole log; None: there is none.

        Where it has more than *budget* characters: its first and its last lines, and between
        them one that names the gap.
        """
        with self._opened(cluster, log_id, when_ms) as log:
            return _whole(log, budget) if log else None

    def total(self, cluster: str, log_id: int, when_ms: int) -> int:
        """How many lines there are."""
        with self._opened(cluster, log_id, when_ms) as log:
            return _total(log) if log else 0

    def lines(self, cluster: str, log_id: int, when_ms: int) -> Iterator[str]:
        """Every line, without its line feed."""
        with self._opened(cluster, log_id, when_ms) as log:
            if log:
                for _, text in log.db.execute(_FROM, (*log.key, *log.key, 1)):
                    yield from _split(text)

    @contextlib.contextmanager
    def _opened(self, cluster: str, log_id: int, when_ms: int) -> Iterator[_Log | None]:
        with contextlib.ExitStack() as stack:
            yield next(
                (
                    log
                    for day in _days_around(when_ms)
                    if (log := self._find(stack, day, cluster, log_id, when_ms))
                ),
                None,
            )

    def _find(
        self, stack: contextlib.ExitStack, day: date, cluster: str, log_id: int, when_ms: int
    ) -> _Log | None:
        path = day_file(self._directory, day)
        if not path.exists():
            return None
        db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)
        stack.enter_context(contextlib.closing(db))
        if not db.execute(_MADE).fetchone():
            return None  # its writer has only just begun, or died when it had
        times = [ms for (ms,) in db.execute(_TIMES, (log_id, cluster))]
        nearest = min(times, key=lambda ms: abs(ms - when_ms), default=None)
        if nearest is None or abs(nearest - when_ms) > _SLACK_MS:
            return None
        return _Log(db, (log_id, nearest, cluster))


def _days_around(when_ms: int) -> list[date]:
    """The day of *when_ms*; near midnight, the other one too."""
    return list(dict.fromkeys(day_of(when_ms + slack) for slack in (0, -_SLACK_MS, _SLACK_MS)))


def _page(log: _Log, from_line: int, budget: int) -> Page:
    lines: list[str] = []
    for first_line, text in log.db.execute(_FROM, (*log.key, *log.key, from_line)):
        budget -= _take(lines, _split(text)[max(from_line - first_line, 0) :], budget)
        if budget <= 0:
            break
    return Page("\n".join(lines), from_line + len(lines) - 1, _total(log))


def _total(log: _Log) -> int:
    total: int = log.db.execute(_TOTAL, log.key).fetchone()[0]
    return total


def _whole(log: _Log, budget: int) -> Page:
    page = _page(log, 1, budget)
    if page.last_line == page.total:
        return page
    head = _page(log, 1, budget // 2)
    tail: list[str] = []
    left = budget - len(head.text)
    for (text,) in log.db.execute(_BACKWARDS, log.key):
        left -= _take(tail, _split(text)[::-1], left)
        if left <= 0:
            break
    gap = _gap(head.last_line + 1, head.total - len(tail))
    return Page("\n".join([head.text, *gap, *reversed(tail)]), head.total, head.total)


def _gap(first: int, last: int) -> list[str]:
    left_out = last - first + 1
    return [f"… {left_out} lines from line {first} on are left out here …"] if left_out else []


def _take(taken: list[str], lines: list[str], budget: int) -> int:
    """Move *lines* to *taken* while the budget lasts, at least one; the characters used."""
    used = 0
    for line in lines:
        if used >= budget and taken:
            return used or budget
        taken.append(line)
        used += len(line) + 1
    return used


def _split(text: str) -> list[str]:
    return text[:-1].split("\n")
