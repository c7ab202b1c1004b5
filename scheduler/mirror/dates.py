"""Whether dates that name no zone mean what they did when they were last read."""

from __future__ import annotations

from datetime import timedelta

from scheduler.mirror.progress import Progress
from scheduler.mirror.reader import Reader

_MOVES = (1, -1)
"""Hours by which summer time moves a zone."""


class DatesMoved(Exception):
    """Known runs of an Admin stand at other times now: they would be taken for others."""

    def __init__(self, hours: int) -> None:
        super().__init__(
            f"the dates in the Admin's log have moved by {hours:+d} h since it was last read:"
            " name its zone in admins[].console_zone"
        )


async def check_dates(reader: Reader, group_id: int, progress: Progress) -> None:
    """Look for the newest run that is known. Raise DatesMoved when it stands an hour off."""
    if progress.newest_log_at is None or await _is_there(reader, group_id, progress, hours=0):
        return
    for hours in _MOVES:
        if await _is_there(reader, group_id, progress, hours=hours):
            raise DatesMoved(hours)


async def _is_there(reader: Reader, group_id: int, progress: Progress, *, hours: int) -> bool:
    assert progress.newest_log_at is not None
    rows = await reader.around(group_id, 0, progress.newest_log_at + timedelta(hours=hours))
    return any(log.id == progress.newest_log_id for log in rows or ())
