"""A log id that comes again: one execution, and its first answer again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import pytest

from admin_bridge.wire import decode_trigger
from executor import sqlite
from executor.app import ExecutorApp
from executor.dead_letters import dead_letters, revive
from executor.endpoints import to_trigger
from executor.testing.fake_admin import FakeAdmin, Reply
from tests.integration.executor_handlers import BEGUN, GATES, TOGETHER
from tests.integration.executor_service import a_trigger, an_executor, post, until

DISCARD_TEXT = "block strategy effect：Discard Later"


@pytest.fixture(autouse=True)
def forget() -> None:
    BEGUN.clear()
    TOGETHER.most.clear()


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[ExecutorApp]:
    async with an_executor(tmp_path) as app:
        yield app


@pytest.fixture
def gate() -> str:
    return uuid4().hex


async def run(app: ExecutorApp, log_id: int, handler: str, params: str, **fields: object) -> Reply:
    return await post(app.url() + "/run", a_trigger(log_id, handler, params, **fields))


async def begun(log_id: int) -> None:
    await until(lambda: log_id in BEGUN, f"run {log_id} begins")


async def idle(app: ExecutorApp) -> None:
    await until(lambda: not app.dispatcher.is_busy("default", 1), "the job is idle")


async def test_a_run_is_on_disk_before_it_is_accepted(
    app: ExecutorApp, tmp_path: Path, gate: str
) -> None:
    assert (await run(app, 1, "gate", gate)).is_success

    with closing(sqlite.connect_to_read(tmp_path / "data" / "journal.db")) as journal:
        assert journal.execute("SELECT log_id FROM run").fetchall() == [(1,)]
    GATES[gate].set()


async def test_a_running_run_is_not_run_again(app: ExecutorApp, gate: str) -> None:
    assert (await run(app, 1, "gate", gate)).is_success
    await begun(1)
    assert (await run(app, 1, "gate", gate)).is_success
    GATES[gate].set()
    await idle(app)

    assert BEGUN == [1]


async def test_a_queued_run_is_not_queued_again(app: ExecutorApp, gate: str) -> None:
    for log_id in (1, 2, 2, 2):
        assert (await run(app, log_id, "gate", gate)).is_success
    GATES[gate].set()
    await idle(app)

    assert BEGUN == [1, 2]


async def test_an_ended_run_is_not_run_again(app: ExecutorApp, gate: str) -> None:
    GATES[gate].set()
    for _ in range(3):
        assert (await run(app, 1, "gate", gate)).is_success
        await idle(app)

    assert BEGUN == [1]


async def test_a_run_of_a_former_life_is_not_run_again(tmp_path: Path, gate: str) -> None:
    GATES[gate].set()
    for _ in range(2):
        async with an_executor(tmp_path) as app:
            assert (await run(app, 1, "gate", gate)).is_success
            await idle(app)

    assert BEGUN == [1]


async def test_repeats_that_come_at_once_are_one_run(app: ExecutorApp, gate: str) -> None:
    replies = await asyncio.gather(*(run(app, 1, "gate", gate) for _ in range(20)))
    GATES[gate].set()
    await idle(app)

    assert [reply.code for reply in replies] == [200] * 20
    assert BEGUN == [1]


async def test_a_caller_that_goes_away_does_not_disturb_the_one_that_repeats(
    app: ExecutorApp, gate: str
) -> None:
    body = b'{"jobId":1,"logId":1,"glueType":"BEAN","executorHandler":"echo"}'
    trigger = to_trigger("default", decode_trigger(body))
    first = asyncio.create_task(app.dispatcher.accept(trigger))
    second = asyncio.create_task(app.dispatcher.accept(trigger))
    await asyncio.sleep(0)
    first.cancel()

    await second


async def test_a_discarded_trigger_is_refused_again_though_the_job_is_idle_now(
    tmp_path: Path, gate: str
) -> None:
    async with an_executor(tmp_path) as app:
        await run(app, 1, "gate", gate)
        refused = await run(app, 2, "gate", gate, executorBlockStrategy="DISCARD_LATER")
        GATES[gate].set()
        await idle(app)
        again = await run(app, 2, "gate", gate, executorBlockStrategy="DISCARD_LATER")
    async with an_executor(tmp_path) as app:
        later = await run(app, 2, "gate", gate, executorBlockStrategy="DISCARD_LATER")

    assert [(r.code, r.message) for r in (refused, again, later)] == [(500, DISCARD_TEXT)] * 3
    assert BEGUN == [1]


async def test_a_repeated_trigger_that_would_be_discarded_now_is_accepted_as_before(
    app: ExecutorApp, gate: str
) -> None:
    GATES["open" + gate].set()
    await run(app, 1, "gate", "open" + gate, executorBlockStrategy="DISCARD_LATER")
    await idle(app)
    await run(app, 2, "gate", gate)

    again = await run(app, 1, "gate", "open" + gate, executorBlockStrategy="DISCARD_LATER")
    assert again.is_success
    GATES[gate].set()


async def test_a_repeated_trigger_covers_nothing(app: ExecutorApp, gate: str) -> None:
    GATES["open" + gate].set()
    await run(app, 1, "gate", "open" + gate, executorBlockStrategy="COVER_EARLY")
    await idle(app)
    await run(app, 2, "gate", gate)
    await begun(2)
    again = await run(app, 1, "gate", "open" + gate, executorBlockStrategy="COVER_EARLY")

    assert again.is_success
    running = app.dispatcher.find("default", 2)
    assert running is not None
    assert running.stop is None
    GATES[gate].set()


async def test_a_repeated_trigger_is_accepted_where_a_new_one_finds_the_lane_full(
    tmp_path: Path, gate: str
) -> None:
    async with an_executor(tmp_path, executor__max_waiting=1) as app:
        await run(app, 1, "echo", "")
        await idle(app)
        await run(app, 2, "gate", gate)
        await run(app, 3, "gate", gate)

        assert not (await run(app, 4, "gate", gate)).is_success
        assert (await run(app, 1, "echo", "")).is_success
        GATES[gate].set()


async def test_a_repeated_trigger_is_accepted_while_new_ones_are_turned_away(
    app: ExecutorApp,
) -> None:
    await run(app, 1, "echo", "")
    await idle(app)
    app.dispatcher.close_doors()

    assert (await run(app, 1, "echo", "")).is_success
    refused = await run(app, 2, "echo", "")
    assert refused.message == "this executor is shutting down, use another node"


async def test_the_same_log_id_at_another_time_is_another_run(app: ExecutorApp, gate: str) -> None:
    GATES[gate].set()
    await run(app, 1, "gate", gate)
    await run(app, 1, "gate", gate, logDateTime=1_795_466_999_000)
    await idle(app)

    assert BEGUN == [1, 1]


async def test_a_result_whose_log_id_was_given_to_another_run_is_never_sent(
    tmp_path: Path, gate: str
) -> None:
    GATES[gate].set()
    async with FakeAdmin() as admin, an_executor(tmp_path, admin) as app:
        async with admin.fault("http_status"):
            old = await admin.trigger("echo", "of the old database")
            await idle(app)
            still_open = await admin.trigger("gate", "later" + gate, job_id=2)
            admin.wipe()
            new = await admin.trigger("gate", gate)
            newest = await admin.trigger("echo", "new", job_id=3)
            assert (new, newest) == (old, still_open)
        GATES["later" + gate].set()

        assert (await admin.finished(new)).handle_msg == gate
        assert (await admin.finished(newest)).handle_msg == "new"
        await until(lambda: not app.dispatcher.is_busy("default", 2))
        await app.dispatcher.settled()  # its end is on disk
        journal = tmp_path / "data" / "journal.db"
        assert [(d.log_id, d.message) for d in dead_letters(journal)] == [
            (old, "of the old database"),
            (still_open, "later" + gate),
        ]
        assert revive(journal, [d.run_id for d in dead_letters(journal)]) == 0
        assert sorted(c["handleMsg"] for c in admin.callbacks) == sorted([gate, "new"])
