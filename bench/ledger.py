"""What was sent, what was answered and what was called back: the only judge of loss."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice


@dataclass(slots=True)
class Run:
    """One trigger as the load sees it; moments are seconds of the monotonic clock."""

    job: int
    sent: float
    answered: float = 0.0
    """0: no answer came (yet)."""
    accepted: bool = False
    called: float = 0.0
    """The first callback; 0: none."""
    codes: list[int] = field(default_factory=list)
    """handleCode of every callback, in order of arrival."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Counts over a ledger."""

    sent: int
    accepted: int
    refused: int
    unanswered: int
    completed: int
    """Accepted and called back."""
    lost: int
    """Accepted and never called back."""
    doubled: int
    """Called back more than once, always with the same code."""
    contradictory: int
    """Called back with different codes."""
    failed: int
    """Called back, at first with another code than 200."""
    unordered: int
    """Callbacks that overtook an earlier run of their job."""
    unasked: int
    """Callbacks for log ids that were never sent."""

    @property
    def faults(self) -> int:
        """What must never happen to our own executor."""
        return self.lost + self.contradictory + self.unasked


class Ledger:
    """All runs of one measurement, by log id; ids rise in the order of sending."""

    def __init__(self) -> None:
        self.runs: dict[int, Run] = {}
        self.completed = 0
        self.last_called = 0.0
        self._unasked = 0
        self._unordered = 0
        self._newest: dict[int, int] = defaultdict(int)

    def sent(self, log_id: int, job: int, *, now: float) -> None:
        self.runs[log_id] = Run(job, now)

    def answered(self, log_id: int, *, accepted: bool, now: float) -> None:
        run = self.runs[log_id]
        run.answered = now
        run.accepted = accepted
        self.completed += accepted and bool(run.codes)

    def called(self, log_id: int, code: int, *, now: float) -> None:
        run = self.runs.get(log_id)
        if run is None:
            self._unasked += 1
            return
        run.codes.append(code)
        if len(run.codes) == 1:
            self._first_call(log_id, run, now=now)

    def _first_call(self, log_id: int, run: Run, *, now: float) -> None:
        run.called = self.last_called = now
        self.completed += run.accepted
        self._unordered += log_id < self._newest[run.job]
        self._newest[run.job] = max(log_id, self._newest[run.job])

    def since(self, start: int) -> list[Run]:
        """The runs sent after the first *start* ones."""
        return list(islice(self.runs.values(), start, None))

    def owed(self) -> Iterator[int]:
        """Log ids that were accepted and not called back."""
        return (log_id for log_id, run in self.runs.items() if run.accepted and not run.codes)

    def verdict(self) -> Verdict:
        runs = self.runs.values()
        accepted = sum(run.accepted for run in runs)
        unanswered = sum(not run.answered for run in runs)
        return Verdict(
            sent=len(runs),
            accepted=accepted,
            refused=len(runs) - accepted - unanswered,
            unanswered=unanswered,
            completed=self.completed,
            lost=accepted - self.completed,
            doubled=sum(len(run.codes) > 1 and len(set(run.codes)) == 1 for run in runs),
            contradictory=sum(len(set(run.codes)) > 1 for run in runs),
            failed=sum(run.codes[:1] not in ([], [200]) for run in runs),
            unordered=self._unordered,
            unasked=self._unasked,
        )


def answer_ms(runs: Iterable[Run], share: float) -> float:
    """The *share* percentile (0..1) of the time to the answer of /run, milliseconds."""
    return percentile([run.answered - run.sent for run in runs if run.accepted], share) * 1000


def result_ms(runs: Iterable[Run], share: float) -> float:
    """The *share* percentile (0..1) from sending a trigger to its first callback, milliseconds."""
    return percentile([run.called - run.sent for run in runs if run.codes], share) * 1000


def percentile(values: list[float], share: float) -> float:
    """The value that *share* (0..1) of *values* do not exceed; 0 for none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0
