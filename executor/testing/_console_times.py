"""The next times of a schedule, as a fake Admin previews them."""

from __future__ import annotations

from datetime import datetime, tzinfo

_SHOWN = 5


def next_times(schedule_type: str, conf: str, now_ms: int, zone: tzinfo) -> list[int]:
    """Five times after *now_ms*, epoch milliseconds; ValueError if it is no schedule."""
    if schedule_type == "FIX_RATE":
        step = int(conf) * 1000
        return [now_ms + step * number for number in range(1, _SHOWN + 1)]
    if schedule_type != "CRON":
        return []
    from croniter import croniter  # it takes 0.1 s to import, and most tests never need it

    if len(conf.split()) not in (6, 7):
        raise ValueError(f"{conf!r} is no cron expression")
    fires = croniter(conf, datetime.fromtimestamp(now_ms / 1000, zone), second_at_beginning=True)
    return [int(fires.get_next(float) * 1000) for _ in range(_SHOWN)]
