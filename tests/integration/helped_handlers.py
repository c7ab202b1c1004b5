"""A handler whose module starts a program of its own, where it is told to."""

from __future__ import annotations

import os
import signal
import subprocess
import time

import psutil

from executor import job_handler

WANTED = "TEST_HELPED"
"""The variable that asks for the program."""

helper = subprocess.Popen(["sleep", "60"]) if WANTED in os.environ else None


@job_handler("end-helper", isolation="process")
def end_helper() -> str:
    """End the program, whose parent is the keeper; give the keeper's number."""
    assert helper is not None
    os.kill(helper.pid, signal.SIGKILL)
    while psutil.pid_exists(helper.pid):  # until the keeper has reaped it
        time.sleep(0.005)
    return str(os.getppid())


@job_handler("keeper", isolation="process")
def keeper() -> str:
    return str(os.getppid())
