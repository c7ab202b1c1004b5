"""Where running code stands, told as `file.py:12 in load`."""

from __future__ import annotations

import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from types import FrameType

_OURS = str(Path(__file__).parent.parent)
_STDLIB = sysconfig.get_path("stdlib")
_SITE = sysconfig.get_path("purelib")


def of_thread(ident: int) -> str:
    """The innermost place of thread *ident* in code that is neither the library's nor ours."""
    frame = sys._current_frames().get(ident)
    return _innermost(frame) if frame else ""


def of_coroutine(coroutine: Coroutine[Any, Any, object]) -> str:
    """The innermost place at which *coroutine* waits."""
    found = ""
    step: Any = coroutine
    while step is not None:
        frame = getattr(step, "cr_frame", None)
        if frame is not None and (not found or _is_theirs(frame)):
            found = _told(frame)
        step = getattr(step, "cr_await", None)
    return found


def _innermost(frame: FrameType) -> str:
    step: FrameType | None = frame
    while step is not None:
        if _is_theirs(step):
            return _told(step)
        step = step.f_back
    return _told(frame)


def _is_theirs(frame: FrameType) -> bool:
    file = frame.f_code.co_filename
    if file.startswith(("<", _OURS, _SITE)):
        return False
    return not file.startswith(_STDLIB)


def _told(frame: FrameType) -> str:
    code = frame.f_code
    return f"{Path(code.co_filename).name}:{frame.f_lineno} in {code.co_name}"
