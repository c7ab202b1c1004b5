"""How busy the pools are: of each kind of execution, of next attempts, of notifications."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from executor.app import ExecutorApp

Load = dict[str, int]
"""What runs, what waits, and how much may run at once: `running`, `waiting`, `limit`."""


def executions(executor: ExecutorApp | None) -> dict[str, Load]:
    """By isolation."""
    if executor is None:
        return {}
    return {
        kind.value: _load(slots.in_use, slots.waiting, slots.limit)
        for kind, slots in executor.dispatcher.load()
    }


class Pools:
    """All of this process: one for each isolation, `retry` and `notify`.

    *retries* tells how many next attempts run and wait; None: no engine fires them here.
    """

    def __init__(
        self,
        executor: ExecutorApp | None,
        retries: Callable[[], Awaitable[tuple[int, int]]] | None,
        *,
        retry_workers: int,
        notify_workers: int,
    ) -> None:
        self._executor = executor
        self._retries = retries
        self._retry_workers = retry_workers
        self.notify = _load(0, 0, notify_workers)
        """Kept by whoever sends notifications."""

    def blocks(self) -> tuple[int, float]:
        """How often an async handler has blocked the others, and for how many seconds in all."""
        if self._executor is None:
            return 0, 0.0
        watchdog = self._executor.watchdog
        return watchdog.blocks, watchdog.blocked_s

    async def loads(self) -> dict[str, Load]:
        """Every pool by its name. Raise DatabaseAway."""
        found = executions(self._executor)
        if self._retries is not None:
            found["retry"] = _load(*await self._retries(), self._retry_workers)
        return found | {"notify": self.notify}


def _load(running: int, waiting: int, limit: int) -> Load:
    return {"running": running, "waiting": waiting, "limit": limit}
