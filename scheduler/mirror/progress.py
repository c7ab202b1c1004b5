"""How far the copy of a group has come, and when an Admin counts its runs anew: pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta, tzinfo
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from admin_bridge.console import AdminLog

_SKEW = timedelta(seconds=60)
"""So far the clocks of one cluster's Admins, and ours, may be apart before that looks strange."""


def newest_believed(logs: Iterable[AdminLog], now: datetime) -> datetime:
    """When the newest of *logs* was triggered, beside those that are dated ahead of *now*.

    Of such a row it is not known what comes before it.
    """
    moments = (log.triggered_at for log in logs)
    return max((moment for moment in moments if moment <= now + _SKEW), default=now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """A row of `schedule_mirror`; moments of runs are by the Admin's clock."""

    logs_until: datetime | None = None
    """Every row triggered until then has been copied."""
    newest_log_id: int = 0
    newest_log_at: datetime | None = None
    """When that very run was triggered."""
    wiped_at: datetime | None = None
    reconciled_at: datetime | None = None
    jobs_at: datetime | None = None

    def believed(self, now: datetime) -> Progress:
        """The progress as it was stored, without a mark that is ahead of *now*."""
        return replace(self, logs_until=self.logs_until and min(self.logs_until, now))

    def after(self, logs: Iterable[AdminLog], *, until: datetime) -> Progress:
        """The progress once *logs* are copied, and all there is *until* then."""
        newest = max(logs, key=lambda log: log.id, default=None)
        further = replace(self, logs_until=max(until, self.logs_until or until))
        if newest is None or newest.id <= self.newest_log_id:
            return further
        return replace(further, newest_log_id=newest.id, newest_log_at=newest.triggered_at)

    def restarted(self, logs: Iterable[AdminLog]) -> AdminLog | None:
        """The newest of *logs* whose id was given to an older run before; None: there is none."""
        if self.newest_log_at is None:
            return None
        late = self.newest_log_at + _SKEW
        again = [log for log in logs if log.id <= self.newest_log_id and log.triggered_at > late]
        return max(again, key=lambda log: log.id, default=None)

    def forgetting(self, now: datetime) -> Progress:
        """The progress with an Admin whose database was wiped: its ids say nothing any more."""
        return replace(self, newest_log_id=0, newest_log_at=None, wiped_at=now)


def reconcile_at(last: datetime | None, now: datetime, *, hour: int, zone: tzinfo) -> datetime:
    """When the last days are to be compared next: at *hour* of each day; at once, if never."""
    if last is None:
        return now
    day = last.astimezone(zone).date()
    due = datetime.combine(day, time(hour), zone)
    return due if due > last else datetime.combine(day + timedelta(days=1), time(hour), zone)
