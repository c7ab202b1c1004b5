"""How the service's own log events look and where they go."""

from __future__ import annotations

import contextlib
import io
import logging
import sys
from collections.abc import MutableMapping
from typing import Any, TextIO, cast

import structlog

from scheduler.sections import LoggingSection


def configure(section: LoggingSection) -> None:
    """Write events to standard error, one line each: for people, or as JSON."""
    set_level(section.level)
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer() if section.format == "json" else console_line
    )
    structlog.configure(
        processors=[
            _threshold,
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.NOTSET),
        logger_factory=structlog.PrintLoggerFactory(cast("TextIO", _Errors())),
        cache_logger_on_first_use=True,
    )


class _Threshold:
    """From which level on events are written; loggers keep no level of their own."""

    number = logging.NOTSET

    def __call__(
        self, _logger: object, method: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        if structlog.processors.NAME_TO_LEVEL[method] < self.number:
            raise structlog.DropEvent
        return event


_threshold = _Threshold()


def set_level(name: str) -> None:
    """Write events from level *name* on, in the running service too."""
    _threshold.number = logging.getLevelNamesMapping()[name.upper()]


class _Errors(io.TextIOBase):
    """Standard error; what it does not take is dropped: a full disk must not stop the service."""

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError):
            sys.stderr.write(text)
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            sys.stderr.flush()


def console_line(_logger: object, _method: str, event: MutableMapping[str, Any]) -> str:
    """*event* as `time level name key=value …`, and its traceback below."""
    head = f"{event.pop('timestamp', '')} {event.pop('level', ''):<7} {event.pop('event', '')}"
    traceback = event.pop("exception", None)
    line = " ".join([head, *(f"{key}={_shown(value)}" for key, value in event.items())])
    return f"{line}\n{traceback}" if traceback else line


def _shown(value: object) -> str:
    """*value* in one word or in quotes; never more than one line."""
    text = str(value)
    return text if text.isprintable() and text and " " not in text else repr(text)
