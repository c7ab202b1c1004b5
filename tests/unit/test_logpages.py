"""How a run's log is paged: lines count from 1, and a page says exactly what it holds."""

from __future__ import annotations

import re
import tempfile
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from executor import sqlite
from executor.logpages import LogPages, Page
from executor.logstore import Chunk, LogWriter, day_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

NOW_MS = 1_795_466_126_195
BIG = 1 << 30
GAP = re.compile(r"… (\d+) lines from line (\d+) on are left out here …")

LOST = re.compile(r"… (\d+) lines from line (\d+) on are lost …")

LINES = st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\n"), max_size=30))


def write(
    folder: Path, chunks: Sequence[Sequence[str] | int], *, log_id: int = 1, when_ms: int = NOW_MS
) -> None:
    """Write the lines of *chunks* as the log of one run; a number counts lines that are lost."""
    first, rows = 1, []
    for lines in chunks:
        if isinstance(lines, int):
            first += lines
            continue
        text = "".join(f"{line}\n" for line in lines)
        rows.append(Chunk("main", log_id, when_ms, first, len(lines), text))
        first += len(lines)
    writer = LogWriter(folder)
    writer.append(rows)
    writer.close()
    assert writer.lost_lines == 0


@contextmanager
def a_log(chunks: Sequence[Sequence[str] | int]) -> Iterator[LogPages]:
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), chunks)
        yield LogPages(Path(folder))


def page_of(pages: LogPages, from_line: int, budget: int = BIG) -> Page:
    page = pages.page("main", 1, NOW_MS, from_line=from_line, budget=budget)
    assert page is not None
    return page


def whole_of(pages: LogPages, budget: int) -> Page:
    page = pages.whole("main", 1, NOW_MS, budget=budget)
    assert page is not None
    return page


@given(LINES.filter(bool), st.data())
@settings(max_examples=60, deadline=None)
def test_pages_put_together_are_the_log_whatever_its_chunks_and_their_budget(
    lines: list[str], data: st.DataObject
) -> None:
    cuts = sorted(data.draw(st.sets(st.integers(1, len(lines)))) | {0, len(lines)})
    budget = data.draw(st.integers(1, 100))
    with a_log([lines[a:b] for a, b in pairwise(cuts)]) as pages:
        read: list[str] = []
        while len(read) < len(lines):
            page = page_of(pages, len(read) + 1, budget)
            read += page.text.split("\n")
            assert page.last_line == len(read)
            assert page.total == len(lines)
        beyond = page_of(pages, len(lines) + 1)

    assert read == lines
    assert beyond == Page("", len(lines), len(lines))


@given(LINES.filter(bool), st.data())
@settings(max_examples=60, deadline=None)
def test_a_whole_log_is_complete_or_says_exactly_what_it_leaves_out(
    lines: list[str], data: st.DataObject
) -> None:
    cuts = sorted(data.draw(st.sets(st.integers(1, len(lines)))) | {0, len(lines)})
    budget = data.draw(st.integers(1, 200))
    with a_log([lines[a:b] for a, b in pairwise(cuts)]) as pages:
        page = whole_of(pages, budget)

    assert page.last_line == page.total == len(lines)
    shown = page.text.split("\n")
    gaps = [n for n, line in enumerate(shown) if GAP.fullmatch(line)]
    if not gaps:
        assert shown == lines
        return
    (gap,) = gaps
    left_out, first = map(int, GAP.fullmatch(shown[gap]).groups())  # type: ignore[union-attr]
    assert left_out > 0
    assert first == gap + 1
    assert shown[:gap] == lines[:gap]
    assert shown[gap + 1 :] == lines[gap + left_out :]
    assert len(page.text) <= budget + 2 * 30 + len(shown[gap]) + 2


BROKEN = st.lists(st.integers(1, 9) | LINES.filter(bool), min_size=1, max_size=6).filter(
    lambda chunks: not isinstance(chunks[-1], int)
)


def numbered(chunks: Sequence[Sequence[str] | int]) -> dict[int, str]:
    """The lines of *chunks* by number; None of them is lost."""
    found: dict[int, str] = {}
    first = 1
    for lines in chunks:
        if isinstance(lines, int):
            first += lines
            continue
        found |= dict(enumerate(lines, first))
        first += len(lines)
    return found


@given(BROKEN, st.integers(1, 100), st.integers(1, 20))
@settings(max_examples=100, deadline=None)
def test_each_line_is_read_once_by_its_number_and_lost_ones_are_named_in_their_place(
    chunks: list[list[str] | int], budget: int, from_line: int
) -> None:
    lines = numbered(chunks)
    read: dict[int, str] = {}
    line = from_line
    with a_log(chunks) as pages:
        while (page := page_of(pages, line, budget)).last_line >= line:
            shown = page.text.split("\n")
            if line in lines:
                assert len(shown) == page.last_line - line + 1
                read |= dict(enumerate(shown, line))
            else:
                (words,) = shown
                assert LOST.fullmatch(words)
                assert (
                    words == f"… {page.last_line - line + 1} lines from line {line} on are lost …"
                )
            assert page.total == max(lines)
            line = page.last_line + 1

    assert read == {n: text for n, text in lines.items() if n >= from_line}
    assert line == max(max(lines) + 1, from_line)


@given(BROKEN, st.integers(1, 200))
@settings(max_examples=100, deadline=None)
def test_a_whole_log_with_lost_lines_says_which_they_are(
    chunks: list[list[str] | int], budget: int
) -> None:
    lines = numbered(chunks)
    with a_log(chunks) as pages:
        page = whole_of(pages, budget)
        assert page.text.count("left out") <= 1
        every = list(pages.lines("main", 1, NOW_MS))

    assert page.last_line == page.total == max(lines)
    assert walked(page.text.split("\n"), lines) == page.total
    assert walked(every, lines) == page.total


def walked(shown: Sequence[str], lines: dict[int, str]) -> int:
    """The number of the last line of *shown*, each of which is in its place."""
    number = 0
    for text in shown:
        if found := GAP.fullmatch(text) or LOST.fullmatch(text):
            count, first = map(int, found.groups())
            assert first == number + 1
            assert (LOST.fullmatch(text) is None) or not lines.keys() & {
                *range(first, first + count)
            }
            number += count
        else:
            number += 1
            assert lines[number] == text
    return number


def test_no_gap_is_named_where_head_and_tail_meet() -> None:
    lines = ["x" * 60, "y" * 50, "z" * 5]
    with a_log([lines]) as pages:
        assert whole_of(pages, 100).text.split("\n") == lines


def test_a_page_at_a_line_of_200_000_begins_there(tmp_path: Path) -> None:
    lines = [f"line {n}" for n in range(1, 200_001)]
    write(tmp_path, [lines[n : n + 1000] for n in range(0, len(lines), 1000)])

    page = page_of(LogPages(tmp_path), 199_901)
    assert page.text.split("\n") == lines[-100:]
    assert (page.last_line, page.total) == (200_000, 200_000)


def test_what_a_page_costs_does_not_grow_with_the_parts_that_a_log_was_written_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, [[f"line {number}"] for number in range(20_000)])
    steps = 0

    def step() -> bool:
        nonlocal steps
        steps += 1
        return False  # go on

    def counted(path: Path) -> sqlite.Connection:
        db = connect(path)
        db.set_progress_handler(step, 1)
        return db

    connect = sqlite.connect_to_read
    monkeypatch.setattr(sqlite, "connect_to_read", counted)
    for line in (1, 10_000, 19_990):
        assert page_of(LogPages(tmp_path), line, budget=50).text.startswith(f"line {line - 1}\n")

    assert steps < 3_000


@pytest.mark.parametrize("from_line", [0, -5])
def test_a_page_from_before_the_first_line_begins_at_the_first(
    tmp_path: Path, from_line: int
) -> None:
    write(tmp_path, [["a", "b"]])

    assert page_of(LogPages(tmp_path), from_line) == Page("a\nb", 2, 2)


def test_a_page_far_beyond_the_end_is_empty(tmp_path: Path) -> None:
    write(tmp_path, [["a", "b"]])

    page = page_of(LogPages(tmp_path), 50)
    assert (page.text, page.total) == ("", 2)
    assert page.last_line == 49


def test_an_unknown_run_has_no_log(tmp_path: Path) -> None:
    write(tmp_path, [["a"]])
    pages = LogPages(tmp_path)

    assert pages.page("main", 2, NOW_MS, from_line=1, budget=BIG) is None
    assert pages.page("other", 1, NOW_MS, from_line=1, budget=BIG) is None
    assert pages.whole("main", 1, NOW_MS - 60_000, budget=BIG) is None
    assert pages.total("main", 1, 0) == 0
    assert list(LogPages(tmp_path / "nowhere").lines("main", 1, NOW_MS)) == []


@pytest.mark.parametrize("clock", ["23:59:59.400", "23:59:59.700", "00:00:00.000", "00:00:00.499"])
def test_a_run_near_midnight_is_found_by_its_second_cut_or_rounded(
    tmp_path: Path, clock: str
) -> None:
    moment = datetime.fromisoformat(f"2026-11-23T{clock}").replace(tzinfo=UTC)
    when_ms = round(moment.timestamp() * 1000)
    write(tmp_path, [["found"]], when_ms=when_ms)

    for asked in (when_ms // 1000 * 1000, (when_ms + 500) // 1000 * 1000):
        page = LogPages(tmp_path).page("main", 1, asked, from_line=1, budget=BIG)
        assert page is not None
        assert page.text == "found"


@pytest.mark.parametrize("shift_h", [-14, -1, 0.5, 1, 8])
def test_a_run_is_found_by_a_time_in_a_wrong_zone(tmp_path: Path, shift_h: float) -> None:
    write(tmp_path, [["found"]])

    def text(shift_s: float) -> str | None:
        asked = NOW_MS // 1000 * 1000 + round(shift_s * 1000)
        page = LogPages(tmp_path).page("main", 1, asked, from_line=1, budget=BIG)
        return page and page.text

    assert text(shift_h * 3600) == "found"
    assert text(shift_h * 3600 + 60) is None


def test_of_two_runs_of_one_log_id_the_nearer_is_read(tmp_path: Path) -> None:
    write(tmp_path, [["old"]], when_ms=NOW_MS - 3_600_000)
    write(tmp_path, [["new"]])

    assert page_of(LogPages(tmp_path), 1).text == "new"


def test_a_day_file_that_was_only_begun_holds_no_log(tmp_path: Path) -> None:
    write(tmp_path, [["a"]], when_ms=0)
    day_file(tmp_path, datetime.fromtimestamp(NOW_MS / 1000, UTC).date()).touch()

    assert LogPages(tmp_path).whole("main", 1, NOW_MS, budget=BIG) is None


@pytest.mark.parametrize("name", ["with #1", "what?", "100%41"])
def test_a_folder_may_have_any_name(tmp_path: Path, name: str) -> None:
    write(tmp_path / name, [["a"]])

    assert page_of(LogPages(tmp_path / name), 1).text == "a"


@pytest.mark.parametrize("when_ms", [0, -(2**63), 2**63 - 1])
def test_a_run_may_claim_any_time(tmp_path: Path, when_ms: int) -> None:
    write(tmp_path, [["a"]], when_ms=when_ms)
    pages = LogPages(tmp_path)

    assert list(pages.lines("main", 1, when_ms)) == ["a"]
