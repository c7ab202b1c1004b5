"""What a run logs, prints or warns of, brought into its log, wherever it runs.

One handler on the root logger and one proxy on each of `sys.stdout` and `sys.stderr` ask whose
code is being executed. What no run says goes where it went before. Threads that a handler starts
itself belong to no run (before Python 3.14) unless it hands them `contextvars.copy_context()`;
in an isolation of `process` the whole process belongs to its run.
"""

from __future__ import annotations

import io
import logging
import re
import sys
from typing import TYPE_CHECKING, Any, TextIO

from executor.context import current
from executor.text import shown

if TYPE_CHECKING:
    from executor.context import JobContext

_COLOURS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")

_installed: _Capture | None = None
_process_run: JobContext | None = None


def install(*, level: int = logging.INFO) -> bool:
    """Begin to capture, records from *level* on; False if it had begun before.

    Called again, it takes hold of a stdout and stderr that somebody has replaced meanwhile.
    """
    global _installed
    _hold_streams()
    if _installed:
        return False
    _installed = _Capture(level)
    return True


def uninstall() -> None:
    """Put everything back as it was before `install`."""
    global _installed
    if _installed:
        _installed.undo()
        _installed = None
    if isinstance(sys.stdout, _RunStream):
        sys.stdout = sys.stdout.outside
    if isinstance(sys.stderr, _RunStream):
        sys.stderr = sys.stderr.outside


def belongs_to(run: JobContext | None) -> None:
    """Say that all code of this process works for *run*, in whatever thread."""
    global _process_run
    _process_run = run


def _hold_streams() -> None:
    if not isinstance(sys.stdout, _RunStream):
        sys.stdout = _RunStream(sys.stdout, "INFO")
    if not isinstance(sys.stderr, _RunStream):
        sys.stderr = _RunStream(sys.stderr, "WARNING")


def _running() -> JobContext | None:
    return current.get() or _process_run


class _Capture:
    """What `install` has changed of logging."""

    def __init__(self, level: int) -> None:
        root = logging.getLogger()
        self._level = root.level
        self._filter = _AsBefore(self._level)
        self._others = list(root.handlers)
        for other in self._others:
            other.addFilter(self._filter)
        self._handler = _RunHandler(self._level)
        root.handlers.insert(0, self._handler)
        root.setLevel(min(level, self._level or level))

    def undo(self) -> None:
        root = logging.getLogger()
        root.removeHandler(self._handler)
        root.setLevel(self._level)
        for other in self._others:
            other.removeFilter(self._filter)


class _RunHandler(logging.Handler):
    """Writes a record to the log of the run that it was made in."""

    def __init__(self, outside_level: int) -> None:
        super().__init__()
        self._outside_level = outside_level
        self.setFormatter(logging.Formatter("%(name)s: %(message)s"))

    def handle(self, record: logging.LogRecord) -> bool:
        # Without the handler's lock: runs do not wait for each other here, and RunStopped, raised
        # in a thread between acquire and try, would leave it locked for ever.
        self.emit(record)
        return True

    def emit(self, record: logging.LogRecord) -> None:
        run = _running()
        if run is None:
            self._emit_outside(record)
            return
        try:
            text = self.format(record)
        except Exception:  # noqa: BLE001 - arguments that cannot be shown fail no run
            text = f"{record.name}: {shown(record.msg)} {shown(record.args)}"
        run.log.write(text, record.levelname)

    def _emit_outside(self, record: logging.LogRecord) -> None:
        """Do what `logging` does where nothing is configured, which our being here prevents."""
        alone = logging.getLogger().handlers == [self]
        resort = logging.lastResort
        if alone and resort and record.levelno >= max(resort.level, self._outside_level):
            resort.handle(record)


class _AsBefore(logging.Filter):
    """Keeps other handlers at what they got before; a run's lines stay out of the console."""

    def __init__(self, level: int) -> None:
        super().__init__()
        self._level = level

    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno >= self._level and _running() is None


class _RunStream(io.TextIOBase):
    """A stdout or stderr whose text goes to the log of the run that prints it."""

    def __init__(self, outside: TextIO, level: str) -> None:
        self.outside = outside
        self._run_level = level

    def write(self, text: str) -> int:
        run = _running()
        if run is None:
            return self.outside.write(text)
        if "\x1b" in text:
            text = _COLOURS.sub("", text)
        run.log.printed(text, self._run_level)
        return len(text)

    def flush(self) -> None:
        if _running() is None:
            self.outside.flush()

    def close(self) -> None:
        """Nothing: what it stands before is others', who may have closed it already."""

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return _running() is None and self.outside.isatty()

    def fileno(self) -> int:
        return self.outside.fileno()

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self.outside.encoding

    @property
    def errors(self) -> str | None:  # type: ignore[override]
        return self.outside.errors

    def __getattr__(self, name: str) -> Any:
        return getattr(self.outside, name)
