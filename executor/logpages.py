"""Reads the logs of runs, by page; every call opens the day's file, so any thread may call.

Lines that the disk did not take are missing between two chunks: one line in their place names them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import date
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple

from executor import sqlite
from executor.logstore import day_file, day_of

_SLACK_MS = 1_500
"""The Admin asks with a time cut to the second, or rounded up (`protocol.md` (c), log files)."""
_SHIFT_MS = 15 * 60_000
_DAY_MS = 24 * 3600_000
"""It reads a time without its zone from its database: in the hour that the clock shows twice, or where
two Admins' zones differ, it is off by quarters of an hour, for less than a day."""
MADE = "SELECT 1 FROM sqlite_master WHERE name = 'chunk_place'"
"""Gives a row once a day's file has its table and index."""
_RUN = "log_id = ? AND triggered_ms = ? AND cluster = ?"
_NEAR = "SELECT triggered_ms FROM chunk WHERE log_id = :log_id AND cluster = :cluster"
_NEAREST = f"""
SELECT triggered_ms FROM (
  SELECT * FROM ({_NEAR} AND triggered_ms BETWEEN :when_ms - {_SLACK_MS} AND :when_ms
    ORDER BY triggered_ms DESC LIMIT 1)
  UNION ALL
  SELECT * FROM ({_NEAR} AND triggered_ms BETWEEN :when_ms AND :when_ms + {_SLACK_MS}
    ORDER BY triggered_ms LIMIT 1)
) ORDER BY abs(triggered_ms - :when_ms) LIMIT 1"""
_SHIFTED = f"""
{_NEAR} AND triggered_ms BETWEEN :when_ms - {_DAY_MS} AND :when_ms + {_DAY_MS}
AND (triggered_ms - :when_ms + {_DAY_MS + _SLACK_MS}) % {_SHIFT_MS} <= {2 * _SLACK_MS}
ORDER BY abs(triggered_ms - :when_ms) LIMIT 1"""
_TOTAL = f"SELECT first_line + lines - 1 FROM chunk WHERE {_RUN} ORDER BY first_line DESC LIMIT 1"
_FROM = f"""
SELECT first_line, text FROM chunk WHERE {_RUN} AND first_line >= coalesce((
  SELECT first_line FROM chunk WHERE {_RUN} AND first_line <= ? ORDER BY first_line DESC LIMIT 1
), 1) ORDER BY first_line"""
_BACKWARDS = f"SELECT first_line, text FROM chunk WHERE {_RUN} ORDER BY first_line DESC"


class Page(NamedTuple):
    """Lines of one run, and where they stand."""

    text: str
    """The lines joined by line feeds, without a last one."""
    last_line: int
    """Number of the last line in *text*; less than the first asked for when there is none."""
    total: int
    """Lines that the run's log has so far."""


class _Piece(NamedTuple):
    """Lines that stand in one chunk, or the one in place of those that were lost."""

    number: int
    """Of the first of the lines."""
    lines: list[str]
    is_lost: bool = False


class _Log(NamedTuple):
    """One run's log in its day's open file."""

    db: sqlite.Connection
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
        than fits, the next page has it. The line that names lost ones has a page to itself, so
        that in every other each line has its own number.
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
                for piece in _pieces(log, 1):
                    yield from piece.lines

    @contextlib.contextmanager
    def _opened(self, cluster: str, log_id: int, when_ms: int) -> Iterator[_Log | None]:
        with contextlib.ExitStack() as stack:
            yield next(
                (
                    log
                    for query, within_ms in ((_NEAREST, _SLACK_MS), (_SHIFTED, _DAY_MS))
                    for day in _days_around(when_ms, within_ms)
                    if (log := self._find(stack, day, query, cluster, log_id, when_ms))
                ),
                None,
            )

    def _find(
        self,
        stack: contextlib.ExitStack,
        day: date,
        query: str,
        cluster: str,
        log_id: int,
        when_ms: int,
    ) -> _Log | None:
        path = day_file(self._directory, day)
        if not path.exists():
            return None
        db = sqlite.connect_to_read(path)
        stack.enter_context(contextlib.closing(db))
        if not db.execute(MADE).fetchone():
            return None  # its writer has only just begun, or died when it had
        asked = {"log_id": log_id, "cluster": cluster, "when_ms": when_ms}
        nearest = db.execute(query, asked).fetchone()
        return None if nearest is None else _Log(db, (log_id, *nearest, cluster))


def _days_around(when_ms: int, within_ms: int) -> list[date]:
    """The day of *when_ms*, and the others that are near."""
    return list(dict.fromkeys(day_of(when_ms + slack) for slack in (0, -within_ms, within_ms)))


def _pieces(log: _Log, from_line: int) -> Iterator[_Piece]:
    """All that is there from *from_line* on; where lines were lost, one for the last of them."""
    following = from_line
    for first, text in log.db.execute(_FROM, (*log.key, *log.key, from_line)):
        if first > following:
            yield _Piece(first - 1, [_lost(following, first - 1)], is_lost=True)
            following = first
        if lines := _split(text)[following - first :]:
            yield _Piece(following, lines)
            following += len(lines)


def _pieces_backwards(log: _Log) -> Iterator[_Piece]:
    """The same from the end, the last line of each piece first, by its number."""
    following = _total(log) + 1
    for first, text in log.db.execute(_BACKWARDS, log.key):
        lines = _split(text)
        if (last := first + len(lines) - 1) < following - 1:
            yield _Piece(last + 1, [_lost(last + 1, following - 1)], is_lost=True)
        yield _Piece(last, lines[::-1])
        following = first
    if following > 1:
        yield _Piece(1, [_lost(1, following - 1)], is_lost=True)


def _unbroken(pieces: Iterator[_Piece]) -> Iterator[_Piece]:
    """The first of *pieces*, and what follows it without lost lines."""
    first = next(pieces, None)
    if first is not None:
        yield first
        if not first.is_lost:
            yield from takewhile(lambda piece: not piece.is_lost, pieces)


def _page(log: _Log, from_line: int, budget: int) -> Page:
    lines, last = _head(_unbroken(_pieces(log, from_line)), budget) or ([], from_line - 1)
    return Page("\n".join(lines), last, _total(log))


def _head(pieces: Iterator[_Piece], budget: int) -> tuple[list[str], int] | None:
    """Lines within *budget*, and the number of the last; None where there are none."""
    lines: list[str] = []
    last = 0
    for piece in pieces:
        before = len(lines)
        budget -= _take(lines, piece.lines, budget)
        last = piece.number + len(lines) - before - 1
        if budget <= 0:
            break
    return (lines, last) if lines else None


def _tail(log: _Log, budget: int) -> tuple[list[str], int]:
    """The last lines within *budget*, and the number of the first of them."""
    lines: list[str] = []
    first = _total(log) + 1
    for piece in _pieces_backwards(log):
        before = len(lines)
        budget -= _take(lines, piece.lines, budget)
        first = piece.number - (len(lines) - before) + 1
        if budget <= 0:
            break
    return lines[::-1], first


def _total(log: _Log) -> int:
    total: int = log.db.execute(_TOTAL, log.key).get or 0  # it may be deleted meanwhile
    return total


def _whole(log: _Log, budget: int) -> Page:
    total = _total(log)
    lines, last = _head(_pieces(log, 1), budget) or ([], total)
    if last < total:
        lines, last = _head(_pieces(log, 1), budget // 2) or ([], 0)
        tail, first = _tail(log, budget - len("\n".join(lines)))
        lines += [*_gap(last + 1, first - 1), *tail]
    return Page("\n".join(lines), max(last, total), max(last, total))


def _gap(first: int, last: int) -> list[str]:
    left_out = last - first + 1
    gap = f"… {left_out} lines from line {first} on are left out here …"
    return [gap] if left_out > 0 else []


def _lost(first: int, last: int) -> str:
    return f"… {last - first + 1} lines from line {first} on are lost …"


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
