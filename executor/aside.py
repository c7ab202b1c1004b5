"""Threads that stand aside: woken up, they do not throw the thread off its core that wakes them."""

from __future__ import annotations

import os
from contextlib import suppress


def stand_aside() -> None:
    """Let the calling thread preempt no other when it wakes up; it gets its share as before.

    A thread that is woken while another holds the interpreter lock can only wait for it. Where
    both have one core, the kernel gave it the core for that, twice for each turn of the control
    loop: 6 % of what a run costs. What the thread starts inherits this. Without effect where the
    system has no such policy, or the service was given another one.
    """
    if not hasattr(os, "SCHED_BATCH"):
        return
    with suppress(OSError):  # a sandbox may forbid it
        if os.sched_getscheduler(0) == os.SCHED_OTHER:
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
