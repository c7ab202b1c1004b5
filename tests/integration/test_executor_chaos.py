"""Triggers, repeats, kills, covers and timeouts in any order: one result each, one run at a time."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from pathlib import Path

import pytest

from executor import sqlite
from executor.app import ExecutorApp
from executor.journal_store import Answer, Batch, JournalStore
from executor.testing.fake_admin import FakeAdmin
from tests.integration.executor_handlers import EXECUTED, TOGETHER
from tests.integration.executor_service import LIMIT_S, an_executor, post, until

STEPS = 250
JOBS = 4
HANDLERS = ["echo", "nap", "nap-async", "deaf", "nap-process"]
SETTINGS: dict[str, object] = {
    "handlers__modules": "tests.integration.executor_handlers,tests.integration.process_handlers",
    "executor__max_threads": 3,
    "executor__max_waiting": 20,
}
BLOCKS = ["SERIAL_EXECUTION", "SERIAL_EXECUTION", "DISCARD_LATER", "COVER_EARLY"]


async def step(admin: FakeAdmin, app: ExecutorApp, chance: random.Random) -> None:
    """Do one thing that an Admin may do."""
    job_id = chance.randrange(JOBS)
    handler, block = chance.choice(HANDLERS), chance.choice(BLOCKS)
    params = str(chance.choice([0, 0.001, 0.01, 0.05]))
    match chance.randrange(10):
        case 0:
            await post(app.url() + "/kill", {"jobId": job_id})
        case 1 if admin.rows:
            log_id = chance.choice(list(admin.rows))
            job_id = admin.rows[log_id].job_id
            await admin.trigger(handler, params, job_id=job_id, block=block, log_id=log_id)
        case _:
            limit = chance.choice([0, 0, 1])
            await admin.trigger(handler, params, job_id=job_id, block=block, timeout=limit)


class Disk:
    """May take nothing for a while."""

    full = False


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    disk, commit = Disk(), JournalStore.commit

    def commit_if_there_is_room(store: JournalStore, batch: Batch) -> list[Answer]:
        if disk.full:
            raise sqlite.Error("database or disk is full")
        return commit(store, batch)

    monkeypatch.setattr(JournalStore, "commit", commit_if_there_is_room)
    return disk


@pytest.mark.parametrize("seed", range(4))
async def test_whatever_the_order_every_accepted_run_has_one_result(
    tmp_path: Path, disk: Disk, seed: int
) -> None:
    TOGETHER.most.clear()
    EXECUTED.clear()
    chance = random.Random(seed)
    first_answers: dict[int, int] = {}
    async with (
        FakeAdmin(first_log_id=seed * 10_000 + 1) as admin,
        an_executor(tmp_path, admin, **SETTINGS) as app,
    ):
        for _ in range(STEPS // 10):
            await asyncio.gather(*(step(admin, app, chance) for _ in range(10)))
            disk.full = seed % 2 == 1 and chance.random() < 0.3
            for row in admin.rows.values():
                first_answers.setdefault(row.log_id, row.trigger_code)
        disk.full = False
        accepted = [log_id for log_id, code in first_answers.items() if code == 200]
        await admin.until(lambda: not any(admin.rows[i].is_open for i in accepted), LIMIT_S)
        jobs = range(JOBS)
        await until(lambda: not any(app.dispatcher.is_busy("default", job) for job in jobs))
        load = {kind: (slots.in_use, slots.waiting) for kind, slots in app.dispatcher.load()}

        told = Counter(callback["logId"] for callback in admin.callbacks)
        assert set(told) >= set(accepted)
        assert max(told.values()) == 1
        assert set(load.values()) == {(0, 0)}
        assert app.dispatcher.zombies() == []
        assert list(app.dispatcher._course.live) == []
    assert max(TOGETHER.most.values()) == 1
    assert max(Counter(EXECUTED).values()) == 1
