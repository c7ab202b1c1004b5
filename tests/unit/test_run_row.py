from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from executor.model import RunState
from scheduler.run_row import clean, job_of, key_of, newest, row_of
from tests.reports import a_report

ANY_TEXT = st.text(st.characters(), max_size=60)
ANY_NUMBER = st.integers(-(2**80), 2**80)


def test_of_several_reports_of_a_run_the_newest_is_kept() -> None:
    queued = a_report(RunState.QUEUED, revision=1)
    running = a_report(RunState.RUNNING, revision=2)

    assert newest([running, queued]) == [(key_of(running), running)]


def test_the_first_final_report_of_a_run_is_kept_whatever_comes_later() -> None:
    killed = a_report(RunState.KILLED, revision=3)
    later = [a_report(RunState.SUCCEEDED, revision=4), a_report(RunState.RUNNING, revision=5)]

    assert newest([*later, killed]) == [(key_of(killed), killed)]


def test_runs_come_in_the_order_of_their_identity() -> None:
    reports = [a_report(log_id=n, cluster=c) for n in (3, 1, 2) for c in ("b", "a")]

    assert [key[:2] for key, _ in newest(reports)] == [
        *(("a", 1), ("a", 2), ("a", 3)),
        *(("b", 1), ("b", 2), ("b", 3)),
    ]


def test_text_that_postgres_cannot_hold_is_cleaned() -> None:
    assert clean("a\x00b", 10) == "ab"
    assert clean("half \ud83d of 中", 20) == "half ? of 中"
    assert clean("long", 2) == "lo"


def test_a_run_that_never_started_has_no_duration() -> None:
    report = a_report(RunState.KILLED, started_ms=None)

    assert row_of(key_of(report), report, 1)[12] is None


@given(
    cluster=ANY_TEXT,
    handler=ANY_TEXT,
    message=ANY_TEXT,
    numbers=st.lists(ANY_NUMBER, min_size=10, max_size=10),
)
def test_any_report_becomes_a_row_within_the_bounds_of_its_columns(
    cluster: str, handler: str, message: str, numbers: list[int]
) -> None:
    names = ("log_id", "triggered_ms", "job_id", "scheduled_ms", "shard_index", "restarts")
    times = ("started_ms", "ended_ms", "revision", "attempt")
    changes: dict[str, Any] = dict(zip((*names, *times), numbers, strict=True))
    report = a_report(cluster=cluster, handler=handler, message=message, **changes)

    row = row_of(key_of(report), report, job_of(key_of(report), report.trigger)[1])

    for value in row:
        if isinstance(value, str):
            assert "\x00" not in value.encode().decode()
        elif value is not None:
            assert isinstance(value, int)
            assert 0 <= value < 2**63
