"""What a process that is forked off this one keeps of it."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import psutil
import pytest

from executor import forks
from executor.worker import Ending, EndingKind
from executor.workers.process import ProcessWorker
from tests.integration.workers_at_work import GRACE_S, LIMIT_S, opened, table

pytestmark = pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
"""This process has threads; what is forked off it here does nothing that could wait for one."""


def forked() -> int:
    """A process that does nothing."""
    if pid := os.fork():
        return pid
    try:
        signal.pause()
    finally:
        os._exit(1)


def end(*pids: int) -> None:
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def test_a_file_under_the_number_of_one_that_was_closed_before_it_is_kept_back() -> None:
    first = os.open(os.devnull, os.O_RDONLY)
    forks.keep([first])
    os.close(first)
    second = os.open(os.devnull, os.O_RDONLY)
    assert second == first
    forks.keep([second])
    forks.leave([first])  # as of a connection, which is told a moment later

    if not (pid := os.fork()):
        os._exit(Path(f"/proc/self/fd/{second}").exists())
    _, status = os.waitpid(pid, 0)
    forks.leave([second])
    os.close(second)

    assert status == 0


async def test_a_process_that_is_forked_off_while_the_keeper_is_started_holds_none_of_its_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    others: list[int] = []
    spawn = subprocess.Popen

    def popen(*words: Any, **how: Any) -> subprocess.Popen[bytes]:
        others.append(forked())
        process = spawn(*words, **how)
        others.append(forked())
        return process

    monkeypatch.setattr(subprocess, "Popen", popen)
    try:
        async with opened(ProcessWorker(table(), grace_s=GRACE_S), "process") as place:
            first = psutil.Process(int((await place.start("parent").ending()).message))
            run = place.start("wait-process")
            await run.began()
            first.kill()
            assert await run.ending() == Ending(
                EndingKind.LOST, "process died: it was lost with its parent process"
            )
            second = psutil.Process(int((await place.start("parent").ending()).message))
        second.wait(LIMIT_S)
        assert len(others) == 4
    finally:
        end(*others)
