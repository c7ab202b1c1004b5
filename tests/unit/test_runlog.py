"""A run's log while it runs: lines from any thread become chunks in their order."""

from __future__ import annotations

import re
import threading

import pytest

from executor.logstore import Chunk
from executor.model import Trigger
from executor.runlog import RunLog

TRIGGER = Trigger(cluster="main", log_id=1, triggered_ms=5, job_id=2)
STAMP = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} ")


class Sink:
    """Takes chunks, as the journal does."""

    def __init__(self) -> None:
        self.chunks: list[Chunk] = []
        self.waits = 0

    def write_log(self, chunk: Chunk, *, last: bool = False) -> None:
        self.chunks.append(chunk)

    def wait_for_log_room(self) -> None:
        self.waits += 1

    @property
    def lines(self) -> list[str]:
        """Every line, after a check that the chunks follow each other without gaps."""
        lines: list[str] = []
        for chunk in self.chunks:
            assert chunk.first_line == len(lines) + 1
            assert chunk.lines == chunk.text.count("\n")
            assert chunk.text.endswith("\n")
            lines += chunk.text[:-1].split("\n")
        return lines


@pytest.fixture
def sink() -> Sink:
    return Sink()


@pytest.fixture
def log(sink: Sink) -> RunLog:
    return RunLog(TRIGGER.identity, sink)


def test_a_line_is_stamped_with_time_and_level(log: RunLog, sink: Sink) -> None:
    log.write("hello", "WARNING")
    log.flush()

    (line,) = sink.lines
    assert STAMP.match(line)
    assert line.endswith(" WARNING hello")


def test_lines_wait_until_they_are_flushed_or_fill_a_chunk(log: RunLog, sink: Sink) -> None:
    log.write("few")
    assert sink.chunks == []
    for n in range(10_000):
        log.write_raw(f"line {n}")
    waiting = len(sink.chunks)
    log.flush()
    log.flush()

    assert waiting >= 1
    assert len(sink.chunks) == waiting + 1
    assert sink.lines[1:] == [f"line {n}" for n in range(10_000)]
    assert sink.waits == waiting


@pytest.mark.parametrize("text", ["a\nb", "a\r\nb", "a\rb"])
def test_every_kind_of_line_end_ends_a_line(log: RunLog, sink: Sink, text: str) -> None:
    log.write_raw(text)
    log.flush()

    assert sink.lines == ["a", "b"]


def test_a_line_that_is_too_long_is_cut_and_says_so(log: RunLog, sink: Sink) -> None:
    log.write_raw("x" * 300_000 + "\nshort")
    log.flush()

    long, short = sink.lines
    assert len(long) < 300_000
    assert long.endswith("… (300000 characters)")
    assert short == "short"


def test_a_run_that_logs_without_end_is_cut_off_once(
    sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("executor.runlog.MOST_CHARS", 1000)
    log = RunLog(TRIGGER.identity, sink)
    for _ in range(10):
        log.write_raw("x" * 300)
        log.flush()

    assert sum("the rest is left out" in line for line in sink.lines) == 1
    assert sum(len(line) for line in sink.lines) < 1500


def test_text_that_utf_8_cannot_hold_is_kept_as_far_as_it_can(log: RunLog, sink: Sink) -> None:
    log.write_raw("name \udcff here")
    log.flush()

    assert sink.lines == ["name ? here"]


def test_a_log_goes_on_where_that_of_a_former_life_ended(sink: Sink) -> None:
    log = RunLog(TRIGGER.identity, sink, first_line=8)
    log.write_raw("a\nb")
    log.flush()
    log.write_raw("c")
    log.flush()

    assert [(chunk.first_line, chunk.lines) for chunk in sink.chunks] == [(8, 2), (10, 1)]


def test_a_deleted_log_takes_no_more_lines(log: RunLog, sink: Sink) -> None:
    log.write_raw("a")
    log.delete()
    log.write_raw("by code that would not stop")
    log.flush()

    assert sink.chunks == [Chunk("main", 1, 5, 0, 0, "")]


def test_lines_of_many_threads_are_all_there_each_in_its_threads_order(
    log: RunLog, sink: Sink
) -> None:
    def talk(name: int) -> None:
        for n in range(3000):
            log.write_raw(f"{name} {n}")

    threads = [threading.Thread(target=talk, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    log.flush()

    for name in range(4):
        mine = [line for line in sink.lines if line.startswith(f"{name} ")]
        assert mine == [f"{name} {n}" for n in range(3000)]
