"""The log that a file is written ahead into begins anew, whoever writes or reads meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from threading import Event, Thread

import pytest

from executor import sqlite
from executor.written_ahead import WrittenAhead
from tests.integration.executor_service import until

PAGES = 50
MOST_COMMITS = 50_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "some.db"


@pytest.fixture
def file(path: Path) -> Iterator[WrittenAhead]:
    file = WrittenAhead(path, wal_pages=PAGES)
    file.db.execute("CREATE TABLE some (number INTEGER PRIMARY KEY, content BLOB)")
    yield file
    file.close()


def write(file: WrittenAhead) -> None:
    """A commit of three pages or so."""
    file.db.execute("INSERT INTO some (content) VALUES (zeroblob(9000))")


def log_of(path: Path) -> Path:
    return Path(f"{path}-wal")


def beginnings(path: Path) -> int:
    """How often the log has begun anew: a number in its head (SQLite's file format, 4.1)."""
    with log_of(path).open("rb") as log:
        return int.from_bytes(log.read(16)[12:])


def refused(_thread: Thread) -> None:
    raise RuntimeError("can't start new thread")


def write_until_it_begins_anew(file: WrittenAhead, path: Path, *, times: int) -> int:
    """The commits that it took."""
    enough = beginnings(path) + times
    for commits in range(MOST_COMMITS):
        if beginnings(path) >= enough:
            return commits
        write(file)
    raise AssertionError(f"{MOST_COMMITS} commits, and the log has not begun anew {times} times")


def test_the_log_begins_anew_though_writing_never_pauses(file: WrittenAhead, path: Path) -> None:
    commits = write_until_it_begins_anew(file, path, times=10)

    assert commits >= 10 * PAGES / 4
    with closing(sqlite.connect_to_read(path)) as db:
        assert db.execute("SELECT count(*) FROM some").get == commits
        assert db.execute("PRAGMA integrity_check").get == "ok"


async def test_what_has_gathered_is_moved_while_its_writer_rests(
    file: WrittenAhead, path: Path
) -> None:
    size = PAGES * 4096
    file.db.execute("INSERT INTO some (content) VALUES (zeroblob(?))", (size,))

    await until(lambda: path.stat().st_size > size, "the file has what its log has")


def test_a_reader_keeps_the_log_only_while_it_reads(file: WrittenAhead, path: Path) -> None:
    write(file)
    before = beginnings(path)
    with closing(sqlite.connect_to_read(path)) as reader:
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM some").get == 1
        for _ in range(10 * PAGES):
            write(file)
        assert beginnings(path) == before
        assert reader.execute("SELECT count(*) FROM some").get == 1

    write_until_it_begins_anew(file, path, times=3)


def test_where_a_reader_has_just_left_it_is_tried_again_soon(
    file: WrittenAhead, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Thread, "start", refused)  # so that nothing happens beside
    write_until_it_begins_anew(file, path, times=1)
    with closing(sqlite.connect_to_read(path)) as reader:
        for _ in range(PAGES // 4):
            write(file)
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM some").get
        for _ in range(PAGES // 4):
            write(file)

    assert write_until_it_begins_anew(file, path, times=1) <= 3


def test_what_a_reader_has_kept_for_long_is_moved_beside_once_it_has_left(
    file: WrittenAhead, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    goes_on, waits, connect = Event(), Event(), sqlite.connect
    goes_on.set()

    def gated(path: Path) -> sqlite.Connection:
        if not goes_on.is_set():
            waits.set()
            goes_on.wait(60)
        return connect(path)

    monkeypatch.setattr(sqlite, "connect", gated)
    with closing(sqlite.connect_to_read(path)) as reader:
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM some").get == 0
        for _ in range(10 * PAGES):
            write(file)
        goes_on.clear()
        for patience_s in (0.1 * 2**n for n in range(9)):
            write(file)  # not many: the writer would come to wait for the thread beside
            if waits.wait(patience_s):
                break
        assert waits.is_set()
    for _ in range(PAGES // 4):
        write(file)
    size = path.stat().st_size
    goes_on.set()
    write_until_it_begins_anew(file, path, times=1)

    assert size < PAGES * 4096 < 10 * PAGES * 4096 < path.stat().st_size


def test_commits_go_on_where_the_file_cannot_be_brought_up_to_date(
    file: WrittenAhead, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_path: Path) -> sqlite.Connection:
        raise sqlite.Error("disk I/O error")

    with monkeypatch.context() as broken:
        broken.setattr(sqlite, "connect", fails)
        for _ in range(10 * PAGES):
            write(file)

    write_until_it_begins_anew(file, path, times=1)
    assert file.db.execute("SELECT count(*) FROM some").get > 10 * PAGES


def test_commits_go_on_where_no_thread_is_to_be_had(
    file: WrittenAhead, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as limited:
        limited.setattr(Thread, "start", refused)
        write_until_it_begins_anew(file, path, times=3)

    write_until_it_begins_anew(file, path, times=3)


async def test_who_writes_waits_for_a_disk_that_is_slower(
    file: WrittenAhead, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    goes_on, connect = Event(), sqlite.connect

    def slow(path: Path) -> sqlite.Connection:
        goes_on.wait(60)
        return connect(path)

    def write_much() -> None:
        for _ in range(20 * PAGES):
            write(file)

    monkeypatch.setattr(sqlite, "connect", slow)
    writing = asyncio.create_task(asyncio.to_thread(write_much))
    await until(lambda: log_of(path).stat().st_size > 4 * PAGES * 4096, "the log has grown")
    goes_on.set()
    await writing

    assert log_of(path).stat().st_size < 6 * PAGES * 4096


def test_all_of_it_is_in_the_file_once_it_is_closed(path: Path) -> None:
    file = WrittenAhead(path, wal_pages=PAGES)
    file.db.execute("CREATE TABLE some (number INTEGER PRIMARY KEY, content BLOB)")
    for _ in range(PAGES):
        write(file)
    file.close()

    assert not log_of(path).exists()
    with closing(sqlite.connect_to_read(path)) as db:
        assert db.execute("SELECT count(*) FROM some").get == PAGES
