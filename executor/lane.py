"""Runs that live, and the lanes they wait in; no I/O."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from msgspec import Struct, field

from executor.ending import Stop
from executor.errors import TriggerRejected
from executor.handler import Handler
from executor.model import Isolation, Trigger
from executor.runlog import RunLog
from executor.worker import Execution

Answered = Callable[[TriggerRejected | None], None]
"""Is told once: None when a trigger is remembered, else why it will not run."""


class Run(Struct, eq=False):
    """One accepted trigger while it lives. Changed on the control loop only."""

    run_id: int
    identity: tuple[str, int, int]
    """The trigger's: asked for so often that it is kept."""
    trigger: Trigger
    handler: Handler | None
    """None for scripts."""
    log: RunLog
    lane: Lane | None
    """None: it had ended when it was found, and only its end is told."""
    answered: list[Answered] = []
    """Who wants to know whether the journal has it."""
    restarts: int = 0
    covers: bool = False
    """What is ahead of it ends as soon as it is known to be new."""
    durable: bool = False
    """The journal has it."""
    holds_slot: bool = False
    started_ms: int | None = None
    stop: Stop | None = None
    execution: Execution | None = None
    timer: asyncio.TimerHandle | None = None
    """Fires at the time limit; once it was told to stop, when patience ends."""
    abandoned: bool = False
    """Reported as stopped, though its code still runs."""

    @property
    def isolation(self) -> Isolation:
        return Isolation.SCRIPT if self.handler is None else self.handler.isolation


class Lane(Struct, eq=False):
    """The serial queue of one job: at most one run at a time has begun."""

    key: tuple[str, int]
    """Cluster and job."""
    head: Run | None = None
    waiting: deque[Run] = field(default_factory=deque)

    @property
    def busy(self) -> bool:
        return self.head is not None or bool(self.waiting)

    def take_next(self) -> Run | None:
        """Make the next durable run the head, if there is none yet."""
        if self.head is not None or not self.waiting or not self.waiting[0].durable:
            return None
        self.head = self.waiting.popleft()
        return self.head


class Slots:
    """How many runs of one isolation may run at once; who comes first is served first."""

    def __init__(self, limit: int, begin: Callable[[Run], None]) -> None:
        self.limit = limit
        self._free = limit
        self._begin = begin
        self._waiting: dict[Run, None] = {}

    @property
    def in_use(self) -> int:
        return self.limit - self._free

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def take(self, run: Run) -> bool:
        """Give *run* a slot if one is free; the caller begins it."""
        if self._free <= 0:
            return False
        self._free -= 1
        run.holds_slot = True
        return True

    def ask(self, run: Run) -> None:
        """Begin *run* now, or when a slot is free."""
        if self.take(run):
            self._begin(run)
        else:
            self._waiting[run] = None

    def withdraw(self, run: Run) -> bool:
        """Stop waiting; False when *run* was not."""
        if run not in self._waiting:
            return False
        del self._waiting[run]
        return True

    def release(self, run: Run) -> None:
        """Give the slot back; safe to call again."""
        if not run.holds_slot:
            return
        run.holds_slot = False
        self._free += 1
        self._serve()

    def resize(self, limit: int) -> None:
        """Let so many run at once from now on; those beyond it that run go on."""
        self._free += limit - self.limit
        self.limit = limit
        self._serve()

    def _serve(self) -> None:
        while self._free > 0 and self._waiting:
            following = next(iter(self._waiting))
            del self._waiting[following]
            self.ask(following)
