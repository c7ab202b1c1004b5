"""What authors of handlers need."""

from __future__ import annotations

from executor.context import JobContext, JobFailed, RunStopped
from executor.errors import BadParams
from executor.handler import KeepLog, Schedule, job_handler
from executor.model import Isolation

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
