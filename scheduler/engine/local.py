"""Puts the local engine together, and leads it through its life."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from executor.app import ExecutorApp
from executor.clock import Clock
from scheduler.engine.control import RunControl
from scheduler.engine.engine import Engine
from scheduler.engine.finals import Finals
from scheduler.engine.identity import replica_id
from scheduler.engine.link import DatabaseAway
from scheduler.engine.listen import Listener
from scheduler.engine.replica import Replica
from scheduler.peers import Door
from scheduler.settings import Settings
from scheduler.storage import Storage

_END_S = 10.0
_Task = asyncio.Task[None]


class LocalEngine:
    """The engine, its ears, and what people can do with its runs."""

    def __init__(
        self,
        settings: Settings,
        *,
        storage: Storage,
        executor: ExecutorApp,
        finals: Finals,
        clock: Clock,
    ) -> None:
        self._storage = storage
        database, dispatcher = storage.engine, executor.dispatcher
        self._replica = Replica(
            replica_id(settings.data_dir),
            database=database,
            finals=finals,
            clock=clock,
            address=executor.url(),
            section=settings.engine,
        )
        self.engine = Engine(
            database,
            replica=self._replica,
            finals=finals,
            dispatcher=dispatcher,
            clock=clock,
            section=settings.engine,
        )
        self.control = RunControl(
            database,
            owner=self._replica.id,
            firing=self.engine.firing,
            finals=finals,
            dispatcher=dispatcher,
            handlers=executor.handlers,
            clock=clock,
            doubt=self.engine.doubt,
        )
        self.listener = Listener(database)
        self.listener.subscribe("job", lambda _: self.engine.wake())
        self.listener.subscribe("kill", self.control.kill_here)
        self._tasks: list[_Task] = []

    def start(self, watch: Callable[[_Task], None], *, door: Door) -> None:
        """Begin once the schema is there; *watch* is told when a loop has ended."""
        self._replica.door = door
        self._running = asyncio.create_task(self._run())
        self._tasks = [self._running, asyncio.create_task(self._listen())]
        for task in self._tasks:
            task.add_done_callback(watch)

    async def stop(self) -> None:
        """Fire nothing more; runs go on, and their ends are still settled."""
        self.engine.stop()
        if self._storage.ready.is_set():  # else it has not begun, and waits for what may never come
            await asyncio.wait([self._running], timeout=_END_S)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def leave(self) -> None:
        """The executor has delivered all: be gone."""
        with contextlib.suppress(DatabaseAway, TimeoutError):
            async with asyncio.timeout(_END_S):
                await self._replica.leave()

    async def _run(self) -> None:
        await self._storage.ready.wait()
        await self.engine.run()

    async def _listen(self) -> None:
        await self._storage.ready.wait()
        await self.listener.run()
