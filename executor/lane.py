"""Runs that live, and the lanes they wait in; no I/O."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from executor.ending import Stop
from executor.errors import TriggerRejected
from executor.handler import Handler
from executor.model import Isolation, Trigger
from executor.runlog import RunLog
from executor.worker import Execution

Answered = Callable[[TriggerRejected | None], None]
"""Is told once: None when a trigger is remembered, else why it will not run."""


class Run:
    """One accepted trigger while it lives. Changed on the control loop only."""

    __slots__ = (
        "abandoned",
        "answered",
        "covers",
        "durable",
        "execution",
        "handler",
        "holds_slot",
        "identity",
        "lane",
        "log",
        "restarts",
        "run_id",
        "started_ms",
        "stop",
        "timer",
        "trigger",
    )

    def __init__(
        self,
        run_id: int,
        identity: tuple[str, int, int],
        trigger: Trigger,
        handler: Handler | None,
        log: RunLog,
        lane: Lane | None,
    ) -> None:
        """*handler* is None for scripts, *lane* for what had ended when it was found.

        *identity* is the trigger's: asked for so often that it is kept.
        """
        self.run_id = run_id
        self.identity = identity
        self.trigger = trigger
        self.handler = handler
        self.log = log
        self.lane = lane
        self.answered: list[Answered] = []
        """Who wants to know whether the journal has it."""
        self.restarts = 0
        self.covers = False
        """What is ahead of it ends as soon as it is known to be new."""
        self.durable = False
        """The journal has it."""
        self.holds_slot = False
        self.started_ms: int | None = None
        self.stop: Stop | None = None
        self.execution: Execution | None = None
        self.timer: asyncio.TimerHandle | None = None
        """Fires at the time limit; once it was told to stop, when patience ends."""
        self.abandoned = False
        """Reported as stopped, though its code still runs."""

    @property
    def isolation(self) -> Isolation:
        return Isolation.SCRIPT if self.handler is None else self.handler.isolation


class Lane:
    """The serial queue of one job: at most one run at a time has begun."""

    __slots__ = ("head", "key", "waiting")

    def __init__(self, key: tuple[str, int]) -> None:
        """*key* is the cluster and the job."""
        self.key = key
        self.head: Run | None = None
        self.waiting: deque[Run] = deque()

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
