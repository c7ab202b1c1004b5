"""What the run path asks of a place where handlers run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

if TYPE_CHECKING:
    from executor.handler import Handler
    from executor.model import Trigger
    from executor.run_alarm import RunAlarm

_NONE: Mapping[str, str] = {}


class EndingKind(StrEnum):
    """How a handler's code ended, whatever the run's result will be called."""

    RETURNED = "returned"
    RAISED = "raised"
    STOPPED = "stopped"
    """It ended because `Execution.stop` was called."""
    LOST = "lost"
    """It vanished: its process was killed from outside or died of a signal."""


class Ending(Struct, frozen=True, gc=False):
    """How the code of one run ended, and its last words."""

    kind: EndingKind
    message: str


class LogSink(Protocol):
    """Where the lines of one run go; safe to call from any thread."""

    def write(self, text: str, level: str = "INFO") -> None:
        """Append *text*, one line or several, stamped with time and *level*."""
        ...

    def write_raw(self, text: str) -> None:
        """Append *text* as it stands: a script's own output."""
        ...


class Assignment:
    """One run, handed to a worker."""

    __slots__ = ("alarmed", "config", "handler", "log", "resources", "started_ms", "trigger")

    def __init__(
        self,
        *,
        trigger: Trigger,
        started_ms: int,
        handler: Handler | None,
        log: LogSink,
        config: Mapping[str, str] = _NONE,
        resources: Mapping[str, str] = _NONE,
        alarmed: Callable[[RunAlarm], None] = lambda _: None,
    ) -> None:
        """*handler* is None for scripts, *resources* what the service has for handlers, by name.

        *config* and *resources* are picklable: both may be read in another process. *alarmed* takes
        the alarms that the handler raises; any thread may call it, and it never raises.
        """
        self.trigger = trigger
        self.started_ms = started_ms
        self.handler = handler
        self.log = log
        self.config = config
        self.resources = resources
        self.alarmed = alarmed


class Execution(Protocol):
    """A run whose code has been started."""

    def stop(self) -> None:
        """Ask the code to end, and force it as far as its isolation can.

        Returns at once, may be called again, and is called on the control loop only.
        """
        ...

    def whereabouts(self) -> str:
        """Where the code stands now, as `file.py:12 in load`; empty when nobody can tell."""
        ...


class Worker(Protocol):
    """Runs assignments in one kind of isolation. All methods are called on the control loop."""

    async def open(self) -> None:
        """Get ready; errors stop the start of the service."""
        ...

    def start(self, assignment: Assignment, ended: Callable[[Ending], None]) -> Execution:
        """Begin the run and return at once.

        *ended* is called exactly once, from any thread, when the code has really ended: after
        that nothing of it runs any more. It never raises.
        """
        ...

    async def close(self) -> None:
        """End; what still runs has been stopped before."""
        ...
