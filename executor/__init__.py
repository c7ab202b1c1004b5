"""What authors of handlers need."""

from __future__ import annotations

from executor.context import JobContext
from executor.errors import BadParams
from executor.handler import KeepLog, Schedule, job_handler
from executor.model import Isolation
from executor.raised import JobFailed, RunStopped

__all__ = [
    "BadParams",
    "Isolation",
    "JobContext",
    "JobFailed",
    "KeepLog",
    "RunStopped",
    "Schedule",
    "job_handler",
]
