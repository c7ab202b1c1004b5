"""What is captured, and what is left as it was."""

# ruff: noqa: T201 - to print is what is tested

from __future__ import annotations

import io
import logging
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from executor import capture
from executor.context import JobContext, current
from executor.model import Trigger
from executor.testing.run import MemoryLog

if TYPE_CHECKING:
    from collections.abc import Iterator

logger = logging.getLogger("some.module")


@dataclass
class World:
    """A fresh interpreter's streams and root logger, put in place of pytest's."""

    out: io.StringIO
    err: io.StringIO
    root: logging.Logger
    log: MemoryLog

    def enter_run(self) -> None:
        trigger = Trigger(cluster="c", log_id=1, triggered_ms=1, job_id=1)
        current.set(JobContext(trigger, self.log, started_ms=1, config={}))


@contextmanager
def world() -> Iterator[World]:
    # no fixture: pytest exchanges streams and handlers between a test's setup and its call
    streams, root = (sys.stdout, sys.stderr), logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers[:] = []
    root.setLevel(logging.WARNING)
    sys.stdout, sys.stderr = out, err = io.StringIO(), io.StringIO()
    try:
        yield World(out, err, root, MemoryLog())
    finally:
        current.set(None)
        capture.uninstall()
        root.handlers[:] = handlers
        root.setLevel(level)
        sys.stdout, sys.stderr = streams


def test_outside_of_runs_nothing_changes() -> None:
    with world() as w:
        capture.install()
        print("out")
        print("err", file=sys.stderr)
        logger.info("below what was shown before")
        logger.warning("shown as before")

    assert w.out.getvalue() == "out\n"
    assert w.err.getvalue() == "err\nshown as before\n"
    assert w.log.lines == []


def test_inside_a_run_all_goes_to_its_log_and_nowhere_else() -> None:
    with world() as w:
        capture.install()
        w.enter_run()
        print("out")
        print("\x1b[31merr\x1b[0m", file=sys.stderr)
        logger.info("info")
        logger.debug("debug")

    assert w.log.lines == ["out", "err", "some.module: info"]
    assert w.log.levels == ["INFO", "WARNING", "INFO"]
    assert w.out.getvalue() == w.err.getvalue() == ""


def test_other_handlers_get_what_they_got_before() -> None:
    console = io.StringIO()
    with world() as w:
        w.root.addHandler(logging.StreamHandler(console))
        capture.install()
        logger.info("quiet")
        logger.warning("loud")

    assert console.getvalue() == "loud\n"
    assert w.err.getvalue() == ""


def test_a_record_that_cannot_be_formatted_is_shown_as_it_is() -> None:
    with world() as w:
        capture.install()
        w.enter_run()
        logger.info("%d rows", "many")

    assert w.log.lines == ["some.module: '%d rows' ('many',)"]


def test_uninstall_puts_everything_back() -> None:
    with world() as w:
        assert capture.install()
        assert not capture.install()
        capture.uninstall()
        capture.uninstall()

        assert sys.stdout is w.out
        assert sys.stderr is w.err
        assert w.root.handlers == []
        assert w.root.level == logging.WARNING


def test_a_stream_that_was_replaced_is_taken_hold_of_again() -> None:
    with world() as w:
        capture.install()
        sys.stdout = io.StringIO()
        capture.install()
        w.enter_run()
        print("out")

    assert w.log.lines == ["out"]


def test_a_stream_that_is_closed_leaves_what_it_stands_before_alone() -> None:
    with world() as w:
        capture.install()
        sys.stdout.close()
        print("out")

        assert w.out.getvalue() == "out\n"


def test_a_stream_can_go_after_what_it_stands_before() -> None:
    with world():
        sys.stdout = outside = io.TextIOWrapper(io.BytesIO())
        capture.install()
        outside.close()

        sys.stdout.close()  # as the last reference to it does
