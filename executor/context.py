"""What a handler is given: its run's identity, its log, and ways to say how it goes."""

from __future__ import annotations

import hashlib
import threading
import traceback
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, NoReturn

from executor.clock import moment
from executor.raised import JobFailed, UnknownConfig
from executor.run_alarm import Level, RunAlarm, run_alarm
from executor.text import shown

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from executor.model import Trigger
    from executor.worker import Assignment, LogSink

_PARTIAL_LIMIT = 65_536
"""An unfinished printed line is written out when it has grown to this many characters."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run says it is."""

    fraction: float
    """From 0 to 1."""
    text: str


class JobLog:
    """The log of one run; the methods are `logging`'s and never raise."""

    __slots__ = ("_lock", "_partial", "_sink")

    def __init__(self, sink: LogSink) -> None:
        self._sink = sink
        self._partial: dict[str, str] = {}
        self._lock = threading.RLock()

    def debug(self, message: object, *args: object) -> None:
        self.write(_formatted(message, args), "DEBUG")

    def info(self, message: object, *args: object) -> None:
        self.write(_formatted(message, args), "INFO")

    def warning(self, message: object, *args: object) -> None:
        self.write(_formatted(message, args), "WARNING")

    def error(self, message: object, *args: object) -> None:
        self.write(_formatted(message, args), "ERROR")

    def critical(self, message: object, *args: object) -> None:
        self.write(_formatted(message, args), "CRITICAL")

    def exception(self, message: object, *args: object) -> None:
        """Log *message* at ERROR with the traceback of the exception being handled."""
        self.write(f"{_formatted(message, args)}\n{traceback.format_exc().rstrip()}", "ERROR")

    def write(self, text: str, level: str) -> None:
        """Append *text*, one line or several, as it is."""
        try:  # noqa: SIM105 - contextlib.suppress costs as much as the rest of a line
            self._sink.write(text, level)
        except Exception:  # noqa: BLE001 - a log that cannot be written fails no run
            pass

    def printed(self, text: str, level: str) -> None:
        """Take what was printed; lines go out whole, the unfinished last one waits."""
        with self._lock:
            lines, newline, rest = (self._partial.pop(level, "") + text).rpartition("\n")
            if rest and len(rest) <= _PARTIAL_LIMIT:
                self._partial[level], rest = rest, ""
        if newline or rest:
            lines = lines.removesuffix("\r")
            self.write(lines + newline + rest if rest else lines, level)

    def flush(self) -> None:
        """Write out unfinished printed lines."""
        while self._partial:
            level, text = self._partial.popitem()
            self.write(text.removesuffix("\r"), level)


class JobContext:
    """The run that a handler works for."""

    __slots__ = (
        "_cancelled_event",
        "_on_alarm",
        "_on_progress",
        "_resources",
        "_started_ms",
        "_trigger",
        "cancelled",
        "config",
        "latest_progress",
        "log",
    )

    def __init__(
        self,
        trigger: Trigger,
        sink: LogSink,
        *,
        started_ms: int,
        config: Mapping[str, str],
        resources: Mapping[str, str] = MappingProxyType({}),
        on_progress: Callable[[Progress], None] | None = None,
        on_alarm: Callable[[RunAlarm], None] | None = None,
    ) -> None:
        self._trigger = trigger
        self._started_ms = started_ms
        self._on_progress = on_progress
        self._on_alarm = on_alarm
        self._resources = resources
        self._cancelled_event: threading.Event | None = None
        self.log = JobLog(sink)
        unknown = type(config) is UnknownConfig
        self.config: Mapping[str, str] = config if unknown else MappingProxyType(dict(config))
        """The job's configs; read-only."""
        self.cancelled = False
        """True when the run shall end: killed, timed out or covered (isolation `thread`)."""
        self.latest_progress: Progress | None = None

    @classmethod
    def of(cls, assignment: Assignment, sink: LogSink | None = None) -> JobContext:
        """Make the context of *assignment*'s run; *sink* in place of its log."""
        return cls(
            assignment.trigger,
            sink or assignment.log,
            started_ms=assignment.started_ms,
            config=assignment.config,
            resources=assignment.resources,
            on_alarm=assignment.alarmed,
        )

    @property
    def log_id(self) -> int:
        """The number of this run at who asked for it; a retry has a new one."""
        return self._trigger.log_id

    @property
    def job_id(self) -> int:
        return self._trigger.job_id

    @property
    def handler(self) -> str:
        """The name that the handler is registered under."""
        return self._trigger.handler

    @property
    def params(self) -> str:
        """The params as they came, whatever the handler makes of them."""
        return self._trigger.params

    @property
    def shard_index(self) -> int:
        """From 0 to `shard_total - 1`: the share that this run works on."""
        return self._trigger.shard_index

    @property
    def shard_total(self) -> int:
        return self._trigger.shard_total

    @property
    def attempt(self) -> int:
        """1, and one more in each retry."""
        return self._trigger.attempt

    @property
    def parents(self) -> Mapping[int, str]:
        """The result messages of the jobs that this one has waited for, by their ids.

        Each is that of the run whose success this run waited for, cut at 4,000 characters, the
        same in retries. Empty where a run waits for none: one by hand, or of an Admin.
        """
        return MappingProxyType(self._trigger.parents)

    @property
    def scheduled_time(self) -> datetime:
        """The moment this run was planned for, aware, UTC; the same in retries."""
        return moment(self._trigger.scheduled_ms or self._trigger.triggered_ms)

    @property
    def deadline(self) -> datetime | None:
        """The moment the run is stopped for its timeout, aware, UTC; None without one."""
        if not self._trigger.timeout_s:
            return None
        return moment(self._started_ms + self._trigger.timeout_s * 1000)

    @property
    def idempotency_key(self) -> str:
        """32 hex digits, the same whenever this very trigger is run again, after a crash too."""
        trigger = self._trigger
        identity = f"{trigger.cluster}\n{trigger.log_id}\n{trigger.triggered_ms}"
        return hashlib.sha256(identity.encode()).hexdigest()[:32]

    def resource(self, name: str) -> str:
        """What the service has for handlers: `database` (a DSN), `data_dir`, `timezone`.

        An executor alone has none; the run of a handler that asks for one then fails.
        """
        try:
            return self._resources[name]
        except KeyError:
            raise JobFailed(f"this executor has no {name} for handlers: `serve` has") from None

    def progress(self, fraction: float, text: str = "") -> None:
        """Say that *fraction* (0 to 1) of the work is done, for the log and the page."""
        self.latest_progress = latest = Progress(min(max(fraction, 0.0), 1.0), text)
        self.log.write(f"progress {latest.fraction:.0%} {text}".rstrip(), "INFO")
        if self._on_progress:
            self._on_progress(latest)

    def alarm(self, text: str, *, level: Level | str = Level.WARNING) -> None:
        """Tell people *text* now: info, warning, error or critical, whatever becomes of the run.

        It is a line of the log and of the run's result, and, under a scheduling service, an
        alarm; the same text tells them once a run. Raises ValueError for another level.
        """
        said = run_alarm(text, level)
        self.log.write(f"alarm {said.level}: {said.text}", said.level.upper())
        if self._on_alarm:
            self._on_alarm(said)

    def fail(self, message: str) -> NoReturn:
        """End the run as failed with *message*."""
        raise JobFailed(message)

    def wait_cancelled(self, timeout: float | None = None) -> bool:
        """Sleep up to *timeout* seconds, less when the run shall end; give `cancelled`."""
        if self._cancelled_event is None:
            self._cancelled_event = threading.Event()
        # `cancel` sets the flag before it looks for the event: one of us sees the other.
        return self.cancelled or self._cancelled_event.wait(timeout)

    def cancel(self) -> None:
        """Raise the flag `cancelled`; the worker's, not the handler's."""
        self.cancelled = True
        if self._cancelled_event is not None:
            self._cancelled_event.set()


current: ContextVar[JobContext | None] = ContextVar("current_run", default=None)
"""The run that the code being executed belongs to."""


def _formatted(message: object, args: tuple[object, ...]) -> str:
    try:
        text = str(message)
        if not args:
            return text
        return text % (args[0] if len(args) == 1 and type(args[0]) is dict else args)
    except Exception:  # noqa: BLE001 - a wrong format string is shown, not raised
        return f"{shown(message)} {shown(args)}"
