"""A run in a process of its own, whatever the process does."""

from __future__ import annotations

import os
import signal
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from executor.context import JobLog, Progress
from executor.worker import Ending, EndingKind
from executor.workers.ending import raised, stopped

if TYPE_CHECKING:
    from collections.abc import Callable

    from executor.worker import Assignment
    from executor.workers.keeper import Keeper


class KeptRun(ABC):
    """Ended by SIGTERM to its group and, after a grace, by SIGKILL.

    `stop` and `whereabouts` are called on the control loop, all else on the keeper's thread.
    """

    def __init__(
        self,
        keeper: Keeper,
        assignment: Assignment,
        *,
        ended: Callable[[Ending], None],
        grace_s: float,
    ) -> None:
        self.assignment = assignment
        self.progress: Progress | None = None
        self._keeper = keeper
        self._ended = ended
        self._grace_s = grace_s
        self._number = 0
        self._stopping = False
        keeper.call(self._launch)

    @abstractmethod
    def job(self) -> object:
        """What its process is told to do; an error ends the run."""

    @abstractmethod
    def ending(self, status: int | None) -> Ending:
        """How it ended, its process having had *status*."""

    @abstractmethod
    def message(self, line: str) -> None:
        """Take a line that its process sent beside its output."""

    def output(self, lines: str) -> None:
        self.assignment.log.write_raw(lines)

    def stop(self) -> None:
        if not self._stopping:
            self._stopping = True
            self._keeper.call(self._terminate)

    def whereabouts(self) -> str:
        return ""

    def failed(self, error: BaseException) -> None:
        self._ended(raised(error, JobLog(self.assignment.log)))

    def exited(self, status: int | None) -> None:
        self._ended(self.ending(status))

    def death(self, status: int | None) -> Ending:
        """The ending of a process that did not say how it ended."""
        if self._stopping:
            return stopped()
        if status is None:
            return Ending(EndingKind.LOST, "process died: it was lost with its parent process")
        code = os.waitstatus_to_exitcode(status)
        if code < 0:
            return Ending(EndingKind.LOST, f"process died: signal {-code} ({_name(-code)})")
        return Ending(EndingKind.LOST, f"process died: exit code {code}")

    def _launch(self) -> None:
        self._number = self._keeper.launch(self)

    def _terminate(self) -> None:
        self._keeper.signal(self._number, signal.SIGTERM)
        self._keeper.later(self._grace_s, self._keeper.signal, self._number, signal.SIGKILL)


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return "real-time"
