"""Where logs are written: a file a day, days dropped whole, a full disk survived."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from executor import sqlite
from executor.logpages import LogPages
from executor.logstore import Chunk, LogWriter, day_of, days

DAY_MS = 24 * 3600 * 1000
START_MS = 1_795_392_000_000
"""2026-11-23T00:00:00Z."""


def a_chunk(
    text: str = "a\n", *, log_id: int = 1, when_ms: int = START_MS, first: int = 1
) -> Chunk:
    return Chunk("main", log_id, when_ms, first, text.count("\n"), text)


def read(folder: Path, log_id: int = 1, when_ms: int = START_MS) -> list[str]:
    return list(LogPages(folder).lines("main", log_id, when_ms))


def test_the_runs_of_a_day_share_a_file(tmp_path: Path) -> None:
    writer = LogWriter(tmp_path)
    writer.append([a_chunk(log_id=n) for n in range(50)])
    writer.append([a_chunk(when_ms=START_MS + DAY_MS)])
    writer.close()

    assert [path.name for path in sorted(tmp_path.iterdir())] == ["2026-11-23.db", "2026-11-24.db"]
    assert days(tmp_path) == [date(2026, 11, 23), date(2026, 11, 24)]


def test_what_is_written_can_be_read_while_the_file_is_open(tmp_path: Path) -> None:
    writer = LogWriter(tmp_path)
    writer.append([a_chunk("a\nb\n")])
    writer.append([a_chunk("c\n", first=3)])

    assert read(tmp_path) == ["a", "b", "c"]
    writer.close()


def test_days_before_a_day_are_dropped_whole(tmp_path: Path) -> None:
    writer = LogWriter(tmp_path)
    writer.append([a_chunk(when_ms=START_MS + n * DAY_MS) for n in range(4)])
    gone = writer.drop_before(date(2026, 11, 25))
    writer.close()

    assert gone == [date(2026, 11, 23), date(2026, 11, 24)]
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["2026-11-25.db", "2026-11-26.db"]


def test_a_day_that_cannot_be_deleted_keeps_no_other(tmp_path: Path) -> None:
    writer = LogWriter(tmp_path)
    writer.append([a_chunk(when_ms=START_MS + DAY_MS)])
    (tmp_path / "2026-11-23.db").mkdir()
    gone = writer.drop_before(date(2026, 11, 25))
    assert [*writer.undeleted] == [date(2026, 11, 23)]
    (tmp_path / "2026-11-23.db").rmdir()
    (tmp_path / "2026-11-23.db").touch()
    gone += writer.drop_before(date(2026, 11, 25))

    assert gone == [date(2026, 11, 24), date(2026, 11, 23)]
    assert writer.undeleted == {}


def test_files_whose_names_are_no_dates_are_left_alone(tmp_path: Path) -> None:
    for name in ("copy-of-01.db", "2026-13-01.db", "2026-11-23.db"):
        (tmp_path / name).touch()

    assert days(tmp_path) == [date(2026, 11, 23)]
    assert LogWriter(tmp_path).drop_before(date(2027, 1, 1)) == [date(2026, 11, 23)]
    assert {path.name for path in tmp_path.iterdir()} == {"copy-of-01.db", "2026-13-01.db"}


def test_a_late_line_of_a_dropped_day_is_written_all_the_same(tmp_path: Path) -> None:
    writer = LogWriter(tmp_path)
    writer.append([a_chunk("early\n")])
    writer.drop_before(date(2027, 1, 1))
    writer.append([a_chunk("late\n", first=2)])
    writer.close()

    assert read(tmp_path) == ["… 1 lines from line 1 on are lost …", "late"]
    assert writer.lost_lines == 0


def test_a_chunk_of_no_lines_deletes_the_log_of_its_run_alone(tmp_path: Path) -> None:
    writer = LogWriter(tmp_path)
    writer.append([a_chunk(log_id=1), a_chunk(log_id=2), Chunk("main", 1, START_MS, 0, 0, "")])
    writer.close()

    assert read(tmp_path, 1) == []
    assert read(tmp_path, 2) == ["a"]


def test_many_open_days_do_not_keep_many_files_open(tmp_path: Path) -> None:
    writer = LogWriter(tmp_path)
    for _ in range(2):
        writer.append([a_chunk(when_ms=START_MS + n * DAY_MS) for n in range(20)])
    assert len(list(tmp_path.glob("*-wal"))) <= 3
    writer.close()


def test_lines_that_the_disk_does_not_take_are_counted_and_the_next_ones_written(
    tmp_path: Path,
) -> None:
    writer = LogWriter(tmp_path)
    writer.append([a_chunk("first\n")])
    blocker = sqlite.connect(tmp_path / "2026-11-23.db")
    blocker.execute("ALTER TABLE chunk RENAME TO gone")
    writer.append([a_chunk("lost\nlost\n", first=2)])
    blocker.execute("DROP INDEX chunk_place")
    blocker.execute("ALTER TABLE gone RENAME TO chunk")
    blocker.close()
    writer.append([a_chunk("third\n", first=4)])
    writer.close()

    assert writer.lost_lines == 2
    assert read(tmp_path) == ["first", "… 2 lines from line 2 on are lost …", "third"]


def test_any_time_has_a_day() -> None:
    assert day_of(START_MS - 1) == date(2026, 11, 22)
    assert day_of(-1) == date(1970, 1, 1)
    assert day_of(2**63 - 1).year == 9999
