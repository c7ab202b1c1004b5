"""Threads that stand aside for the one that wakes them."""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from executor.aside import stand_aside

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the policies are Linux's")


def _policies(first: int) -> tuple[int, int]:
    """Of a thread that began with the policy *first*, after it stood aside; and of ours."""

    def aside() -> int:
        os.sched_setscheduler(0, first, os.sched_param(0))
        stand_aside()
        return os.sched_getscheduler(0)

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(aside).result(), os.sched_getscheduler(0)


def test_a_thread_stands_aside_alone() -> None:
    ours = os.sched_getscheduler(0)
    assert _policies(os.SCHED_OTHER) == (os.SCHED_BATCH, ours)


def test_the_policy_that_an_operator_has_chosen_stays() -> None:
    assert _policies(os.SCHED_IDLE)[0] == os.SCHED_IDLE


def test_where_it_is_forbidden_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "sched_setscheduler", refuse)
    stand_aside()
    monkeypatch.delattr(os, "SCHED_BATCH")
    stand_aside()
