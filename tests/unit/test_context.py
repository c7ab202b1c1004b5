from __future__ import annotations

import threading
from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from executor.context import JobContext, JobLog, Progress
from executor.model import Trigger
from executor.raised import JobFailed
from executor.testing.run import MemoryLog

TRIGGER = Trigger(cluster="c", log_id=7, triggered_ms=1_764_000_000_000, job_id=3)


def a_context(trigger: Trigger = TRIGGER, **config: str) -> JobContext:
    return JobContext(trigger, MemoryLog(), started_ms=1_764_000_005_000, config=config)


def test_the_planned_time_is_the_triggers_unless_another_was_planned() -> None:
    assert a_context().scheduled_time == datetime(2025, 11, 24, 16, 0, tzinfo=UTC)
    planned = replace(TRIGGER, scheduled_ms=1_763_999_999_000)
    assert a_context(planned).scheduled_time == datetime(2025, 11, 24, 15, 59, 59, tzinfo=UTC)


def test_the_deadline_counts_from_the_start_of_the_run() -> None:
    assert a_context().deadline is None
    assert a_context(replace(TRIGGER, timeout_s=60)).deadline == datetime(
        2025, 11, 24, 16, 1, 5, tzinfo=UTC
    )


def test_the_idempotency_key_belongs_to_the_trigger() -> None:
    key = a_context().idempotency_key

    assert key == a_context().idempotency_key
    assert len(key) == 32
    others = [
        replace(TRIGGER, log_id=8),
        replace(TRIGGER, cluster="d"),
        replace(TRIGGER, triggered_ms=1),
    ]
    assert key not in {a_context(other).idempotency_key for other in others}


def test_the_config_can_be_read_and_not_changed() -> None:
    context = a_context(key="value")

    assert context.config["key"] == "value"
    with pytest.raises(TypeError):
        context.config["key"] = "other"  # type: ignore[index]


def test_the_results_of_parents_can_be_read_and_not_changed() -> None:
    context = a_context(replace(TRIGGER, parents={7: "4 rows"}))

    assert context.parents == {7: "4 rows"}
    with pytest.raises(TypeError):
        context.parents[7] = "5 rows"  # type: ignore[index]


def test_progress_stays_between_nothing_and_all() -> None:
    context = a_context()
    context.progress(1.5, "over")
    assert context.latest_progress == Progress(1.0, "over")
    context.progress(-1)
    assert context.latest_progress == Progress(0.0, "")


def test_fail_raises_the_message() -> None:
    with pytest.raises(JobFailed, match=r"^no rows$"):
        a_context().fail("no rows")


def test_a_wait_ends_when_the_run_is_cancelled() -> None:
    context = a_context()
    assert not context.wait_cancelled(0)
    threading.Timer(0.01, context.cancel).start()

    assert context.wait_cancelled(10)
    assert context.cancelled


def test_a_wait_after_the_cancellation_does_not_wait() -> None:
    context = a_context()
    context.cancel()

    assert context.wait_cancelled()


class Sulky:
    def __str__(self) -> str:
        raise RuntimeError("no words")


@pytest.mark.parametrize(
    ("message", "args", "line"),
    [
        ("plain", (), "plain"),
        ("100%", (), "100%"),
        ("%s of %d", (1, 2), "1 of 2"),
        ("%(a)s", ({"a": 1},), "1"),
        ("%d", ("x",), "'%d' ('x',)"),
        ("%s %s", (1,), "'%s %s' (1,)"),
        (ValueError("v"), (), "v"),
    ],
)
def test_messages_are_formatted_as_logging_does(
    message: object, args: tuple[object, ...], line: str
) -> None:
    sink = MemoryLog()
    JobLog(sink).info(message, *args)

    assert sink.lines == [line]


class Mute:
    """Such as a row whose session is closed."""

    def __repr__(self) -> str:
        raise RuntimeError("detached")


def test_logging_never_raises() -> None:
    class Full(MemoryLog):
        def write(self, text: str, level: str = "INFO") -> None:
            raise OSError("disk full")

    JobLog(Full()).info("lost")
    sink = MemoryLog()
    JobLog(sink).info(Sulky())
    assert len(sink.lines) == 1
    JobLog(sink).info("user %s", Mute())
    assert sink.lines[1] == "'user %s' <tuple>"


def test_each_method_writes_its_level() -> None:
    sink = MemoryLog()
    log = JobLog(sink)
    for name in ("debug", "info", "warning", "error", "critical"):
        getattr(log, name)("m")

    assert sink.levels == ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]


@pytest.mark.parametrize(
    ("pieces", "lines"),
    [
        (["a\n"], ["a"]),
        (["a", "b", "\n"], ["ab"]),
        (["a\nb"], ["a", "b"]),
        (["\n"], [""]),
        (["a\n\nb\n"], ["a", "", "b"]),
        (["a\r\n"], ["a"]),
        (["a\r", "\n", "b\r"], ["a", "b"]),
        ([""], []),
        (["x" * 70_000, "y\n"], ["x" * 70_000, "y"]),
    ],
)
def test_printed_text_is_cut_into_lines(pieces: list[str], lines: list[str]) -> None:
    sink = MemoryLog()
    log = JobLog(sink)
    for piece in pieces:
        log.printed(piece, "INFO")
    log.flush()

    assert sink.lines == lines
