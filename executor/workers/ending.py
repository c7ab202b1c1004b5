"""How the code of a run ended, put in words."""

from __future__ import annotations

import json
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from executor.errors import BadParams
from executor.raised import JobFailed, RunStopped
from executor.text import shown
from executor.worker import Ending, EndingKind

if TYPE_CHECKING:
    from types import TracebackType

    from executor.context import JobLog

MESSAGE_LIMIT = 15_000
"""Characters; the Admin's handle_msg column is a text of 65,535 bytes."""

_OURS = str(Path(__file__).parent)


class Contained(Exception):
    """Carries, as its cause, a SystemExit or KeyboardInterrupt past an event loop."""


def bounded(text: str) -> str:
    """Cut *text* to what a message may hold."""
    return text if len(text) <= MESSAGE_LIMIT else text[: MESSAGE_LIMIT - 1] + "…"


def returned(value: object) -> Ending:
    """The ending of code that gave *value*: text as it is, None as nothing, the rest as JSON."""
    return Ending(EndingKind.RETURNED, bounded(_text(value)))


def raised(error: BaseException, log: JobLog) -> Ending:
    """The ending of code that raised *error*; its traceback goes to *log*."""
    if isinstance(error, Contained) and error.__cause__:
        error = error.__cause__
    if isinstance(error, RunStopped):
        return stopped()
    if isinstance(error, (JobFailed, BadParams)):
        message = _said(error)
        log.write(message, "ERROR")
    else:
        message = _last_line(error)
        log.write(_traceback(error), "ERROR")
    return Ending(EndingKind.RAISED, bounded(message))


def stopped() -> Ending:
    """The ending of code that was told to stop, and did."""
    return Ending(EndingKind.STOPPED, "")


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value, ensure_ascii=False)
    except Exception:  # noqa: BLE001 - an author's mapping may raise anything as it is read
        return shown(value)


def _said(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - an author's __str__
        return ""


def _last_line(error: BaseException) -> str:
    name, said = type(error).__qualname__, _said(error)
    return f"{name}: {said}" if said else name


def _traceback(error: BaseException) -> str:
    try:
        lines = traceback.format_exception(type(error), error, _theirs(error.__traceback__))
    except Exception:  # noqa: BLE001 - an author's __str__ in a cause or a note
        return _last_line(error)
    return "".join(lines).rstrip()


def _theirs(trace: TracebackType | None) -> TracebackType | None:
    """Leave out the frames of the worker, above the handler's first."""
    while trace and trace.tb_frame.f_code.co_filename.startswith(_OURS):
        trace = trace.tb_next
    return trace
