"""What is asked of an Admin next, and when: within a budget, and less of one who is slow: pure."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

_JOBS, _LOGS, _OPEN = 0.95, 1.3, 2.0
"""Parts of the interval: jobs are seen within it, and all together stay below the budget."""
_GROUPS_S = 60.0
_GROUPS_PART = 12
"""One request in so many is for groups, at most."""
_BURST = 3.0
"""Requests that may be made at once after a rest."""
_IDLE_SHARE = 0.1
"""So much of an Admin's time is taken at most while nothing is new."""
_AT_ONCE_S = 0.001
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 5.0, 300.0


class Kind(StrEnum):
    """What can be asked for, most urgent first."""

    GROUPS = "groups"
    JOBS = "jobs"
    LOGS = "logs"
    OPEN = "open"
    """What became of runs that had no end when they were last seen."""
    RECONCILE = "reconcile"


class Task(NamedTuple):
    kind: Kind
    group_id: int = 0


class Agenda:
    """The plan of one cluster; moments are seconds of any clock that never goes back.

    *interval_s* is the wish, *per_minute* the limit: with several groups, or with lists of many
    pages, things are seen as many times later.
    """

    def __init__(self, *, interval_s: float, per_minute: float) -> None:
        self._interval_s = interval_s
        self._per_s = per_minute / 60
        self._credit = _BURST
        self._counted = 0.0
        self._due: dict[Task, float] = {Task(Kind.GROUPS): 0.0}
        self._not_before = 0.0
        self._alone_until = 0.0
        self._failures = 0
        self._unfinished: set[Task] = set()

    def next(self, now: float) -> tuple[Task | None, float]:
        """The task that is due; or None, and the seconds until one may be."""
        waits = {task: self._wait_s(task, now) for task in self._due}
        task = min(waits, key=lambda one: (max(0.0, waits[one]), *self._urgency(one)))
        return (task, 0.0) if waits[task] <= _AT_ONCE_S else (None, waits[task])

    def groups_are(self, ids: list[int], now: float, *, settled: bool) -> None:
        """Ours are *ids*; *settled*: they need not be looked for again soon."""
        wanted = {Task(kind, one) for one in ids for kind in Kind if kind is not Kind.GROUPS}
        groups = Task(Kind.GROUPS)
        self._due = {task: self._due.get(task, now) for task in sorted(wanted)}
        settled_s = max(_GROUPS_S, self._interval_s, _GROUPS_PART / self._per_s)
        self._due[groups] = now + (settled_s if settled else self._interval_s)

    def done(self, task: Task, now: float, *, requests: int, took_s: float, news: bool) -> None:
        """It took so many *requests*, the slowest *took_s*; those that brought *news* are free."""
        self._failures = 0
        self._unfinished.discard(task)
        self._refill(now)
        if not news:
            self._credit -= requests
            self._not_before = now + took_s * (1 / _IDLE_SHARE - 1)
        if task.kind is Kind.GROUPS:
            rest_s = 0.0 if news else took_s / _IDLE_SHARE * _GROUPS_PART
            self._due[task] = max(self._due[task], now + rest_s)
        else:
            pages = 1 if news else max(1, requests)
            self._due[task] = now + self._period_s(task.kind) * pages / (2 if news else 1)

    def hurry(self, *tasks: Task) -> None:
        """Something is odd, or half done: do *tasks* at once; there is something to copy."""
        for task in tasks:
            self._due[task] = 0.0
            self._unfinished.add(task)

    def failed(self, now: float) -> float:
        """The Admin did not answer, or not as it should: leave it alone, longer each time."""
        self._failures += 1
        pause_s = min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2.0 ** min(self._failures - 1, 10))
        self._alone_until = now + pause_s
        return pause_s

    def _period_s(self, kind: Kind) -> float:
        groups = sum(task.kind is kind for task in self._due)
        return groups * self._interval_s * {Kind.JOBS: _JOBS, Kind.LOGS: _LOGS}.get(kind, _OPEN)

    def _wait_s(self, task: Task, now: float) -> float:
        wait_s = max(self._alone_until - now, self._due[task] - now)
        if task in self._unfinished:
            return wait_s
        return max(wait_s, self._not_before - now, self._until_credit(task, now))

    def _urgency(self, task: Task) -> tuple[float, bool]:
        """Of two that may begin the later one goes first; the time of jobs is promised.

        So they have a start of an interval, but not more: a slow Admin is asked for all in turn.
        """
        first = task.kind in (Kind.GROUPS, Kind.JOBS)
        start_s = self._interval_s if first else 0.0
        return (self._due[task] - start_s, task.kind is not Kind.GROUPS)

    def _refill(self, now: float) -> None:
        self._credit = min(_BURST, self._credit + (now - self._counted) * self._per_s)
        self._counted = now

    def _until_credit(self, task: Task, now: float) -> float:
        """Seconds until a request may be made; jobs, too, will need theirs when they are due."""
        self._refill(now)
        needed = 1.0
        jobs = [due for one, due in self._due.items() if one.kind is Kind.JOBS]
        if task.kind is not Kind.JOBS and jobs:
            needed += min(1.0, max(0.0, 1 - (min(jobs) - now) * self._per_s))
        return max(0.0, (needed - self._credit) / self._per_s)
