"""A started target, an Admin that counts, and a load: what every scenario plays on."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import orjson

from bench.fake_admin import FakeAdmin
from bench.http1 import post
from bench.ledger import Ledger
from bench.load import FIRST_LOG_ID, JOBS, Triggers, trigger
from bench.target import Running, Target, running
from bench.waiting import until


@dataclass(frozen=True, slots=True)
class Stage:
    target: Target
    running: Running
    admin: FakeAdmin
    ledger: Ledger

    @property
    def port(self) -> int:
        return self.running.place.port

    def triggers(self, handler: str = "noop") -> Triggers:
        return Triggers(self.port, lambda job: self.target.name_of(handler, job), self.ledger)

    async def trigger(self, handler: str, params: str = "") -> int:
        """Triggers the first job once; gives the log id."""
        log_id, job = FIRST_LOG_ID + len(self.ledger.runs), JOBS[0]
        self.ledger.sent(log_id, job, now=time.monotonic())
        name = self.target.name_of(handler, job)
        answer = await post(self.port, "/run", trigger(job, log_id, handler=name, params=params))
        accepted = orjson.loads(answer)["code"] == 200
        self.ledger.answered(log_id, accepted=accepted, now=time.monotonic())
        if not accepted:
            raise RuntimeError(f"{self.target.name} refused {handler}: {answer.decode()}")
        return log_id

    async def called(self, log_id: int, *, patience: float) -> float | None:
        """The moment of the run's first callback; None when it does not come in time."""
        run = self.ledger.runs[log_id]
        await until(lambda: bool(run.codes), seconds=patience)
        return run.called or None


@asynccontextmanager
async def stage(target: Target) -> AsyncIterator[Stage]:
    """A stage whose target has answered its first /beat."""
    ledger = Ledger()
    admin = FakeAdmin(ledger)
    await admin.start()
    try:
        with running(target, admin.url) as started:
            await started.ready()
            yield Stage(target, started, admin, ledger)
    finally:
        admin.stop()
