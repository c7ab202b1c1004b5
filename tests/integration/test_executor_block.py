"""What the block strategies, kill, timeouts and limits do to runs, over the wire."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest

from executor.app import ExecutorApp
from executor.testing.fake_admin import FakeAdmin
from tests.integration.executor_handlers import BEGUN, GATES, TOGETHER
from tests.integration.executor_service import a_trigger, an_executor, post, until


@pytest.fixture
async def admin() -> AsyncIterator[FakeAdmin]:
    BEGUN.clear()
    TOGETHER.most.clear()
    async with FakeAdmin(token="s3cret") as admin:
        yield admin


@pytest.fixture
async def app(admin: FakeAdmin, tmp_path: Path) -> AsyncIterator[ExecutorApp]:
    async with an_executor(tmp_path, admin) as app:
        yield app
    assert max(TOGETHER.most.values(), default=0) <= 1, "two runs of a job at once"


@pytest.fixture
def gate() -> str:
    """A gate that nobody else waits for."""
    return uuid4().hex


async def begun(log_id: int) -> None:
    await until(lambda: log_id in BEGUN, f"run {log_id} begins")


async def test_serial_runs_of_a_job_run_one_after_the_other_in_their_order(
    admin: FakeAdmin, app: ExecutorApp, gate: str
) -> None:
    ids = [await admin.trigger("gate", gate) for _ in range(5)]
    await begun(ids[0])
    assert ids[:1] == BEGUN
    GATES[gate].set()
    rows = [await admin.finished(log_id) for log_id in ids]

    assert ids == BEGUN
    assert [row.handle_code for row in rows] == [200] * 5
    assert [c["logId"] for c in admin.callbacks] == ids


async def test_jobs_do_not_wait_for_each_other(
    admin: FakeAdmin, app: ExecutorApp, gate: str
) -> None:
    first = await admin.trigger("gate", gate, job_id=1)
    await begun(first)
    other = await admin.trigger("echo", "quick", job_id=2)

    assert (await admin.finished(other)).handle_msg == "quick"
    assert admin.rows[first].is_open
    GATES[gate].set()
    await admin.finished(first)


@pytest.mark.parametrize("ahead", [1, 2])
async def test_discard_later_refuses_while_the_job_runs_or_waits(
    admin: FakeAdmin, app: ExecutorApp, gate: str, ahead: int
) -> None:
    kept = [await admin.trigger("gate", gate) for _ in range(ahead)]
    refused = await admin.trigger("gate", gate, block="DISCARD_LATER")
    GATES[gate].set()
    for log_id in kept:
        assert (await admin.finished(log_id)).handle_code == 200

    row = admin.rows[refused]
    assert (row.trigger_code, row.trigger_msg) == (500, "block strategy effect：Discard Later")
    assert refused not in BEGUN


async def test_discard_later_runs_when_the_job_is_idle(admin: FakeAdmin, app: ExecutorApp) -> None:
    log_id = await admin.trigger("echo", "done", block="DISCARD_LATER")

    assert (await admin.finished(log_id)).handle_msg == "done"


async def test_cover_early_kills_what_runs_and_calls_back_what_waits(
    admin: FakeAdmin, app: ExecutorApp, gate: str
) -> None:
    running, waiting = [await admin.trigger("gate", "never" + gate) for _ in range(2)]
    await begun(running)
    covering = await admin.trigger("gate", gate, block="COVER_EARLY")
    GATES[gate].set()

    killed = await admin.finished(running)
    dropped = await admin.finished(waiting)
    assert (await admin.finished(covering)).handle_code == 200
    assert (killed.handle_code, killed.handle_msg) == (
        500,
        "block strategy effect：Cover Early [job running, killed]",
    )
    assert (dropped.handle_code, dropped.handle_msg) == (
        500,
        "block strategy effect：Cover Early [job not executed, in the job queue, killed.]",
    )
    assert [running, covering] == BEGUN


async def test_cover_early_replaces_a_run_that_waits_for_a_slot(
    admin: FakeAdmin, tmp_path: Path, gate: str
) -> None:
    GATES["open" + gate].set()
    async with an_executor(tmp_path, admin, executor__max_threads=1):
        holder = await admin.trigger("gate", gate, job_id=2)
        covered = await admin.trigger("gate", "open" + gate)
        covering = await admin.trigger("gate", "open" + gate, block="COVER_EARLY")
        assert "job not executed" in str((await admin.finished(covered)).handle_msg)
        await begun(holder)
        assert [holder] == BEGUN
        GATES[gate].set()

        assert (await admin.finished(covering)).handle_code == 200
    assert [holder, covering] == BEGUN


async def test_a_run_that_swallows_its_stop_keeps_the_next_one_waiting(
    admin: FakeAdmin, app: ExecutorApp, gate: str
) -> None:
    stuck = await admin.trigger("stuck", gate)
    await begun(stuck)
    covering = await admin.trigger("gate", gate, block="COVER_EARLY")
    row = await admin.finished(stuck)

    assert "still busy in executor_handlers.py:" in (row.handle_msg or "")
    assert "in stuck" in (row.handle_msg or "")
    assert [run.trigger.log_id for run in app.dispatcher.zombies()] == [stuck]
    assert [stuck] == BEGUN
    assert not (await admin.idle_beat(1)).is_success

    GATES[gate].set()
    assert (await admin.finished(covering)).handle_code == 200
    assert app.dispatcher.zombies() == []
    assert [c["logId"] for c in admin.callbacks] == [stuck, covering]


async def test_the_slot_of_a_run_that_will_not_end_is_given_on(
    admin: FakeAdmin, tmp_path: Path, gate: str
) -> None:
    async with an_executor(tmp_path, admin, executor__max_threads=1) as app:
        stuck = await admin.trigger("stuck", gate, job_id=1)
        await begun(stuck)
        other = await admin.trigger("gate", "open" + gate, job_id=2)
        GATES["open" + gate].set()
        assert other not in BEGUN
        await admin.kill(stuck)

        assert (await admin.finished(other)).handle_code == 200
        assert len(app.dispatcher.zombies()) == 1
        GATES[gate].set()


async def test_no_more_runs_at_once_than_there_are_slots(
    admin: FakeAdmin, tmp_path: Path, gate: str
) -> None:
    async with an_executor(tmp_path, admin, executor__max_threads=2):
        ids = [await admin.trigger("gate", gate, job_id=n) for n in range(1, 5)]
        await until(lambda: len(BEGUN) == 2)
        other = await admin.trigger("echo", "other isolation", job_id=9)
        await admin.finished(other)

        assert sorted(BEGUN) == ids[:2]
        GATES[gate].set()
        for log_id in ids:
            assert (await admin.finished(log_id)).handle_code == 200


async def test_a_lane_takes_no_more_than_its_limit(
    admin: FakeAdmin, tmp_path: Path, gate: str
) -> None:
    async with an_executor(tmp_path, admin, executor__max_waiting=2):
        kept = [await admin.trigger("gate", gate) for _ in range(3)]
        refused = admin.rows[await admin.trigger("gate", gate)]
        assert (refused.trigger_code, refused.trigger_msg) == (
            500,
            "the job already has 2 runs waiting",
        )
        GATES[gate].set()
        for log_id in kept:
            assert (await admin.finished(log_id)).handle_code == 200
    assert refused.is_open


async def test_kill_ends_what_runs_and_what_waits_each_with_one_callback(
    admin: FakeAdmin, app: ExecutorApp, gate: str
) -> None:
    running, waiting, last = [await admin.trigger("gate", gate) for _ in range(3)]
    await begun(running)
    reply = await post(app.url() + "/kill", {"jobId": 1}, token="s3cret")

    assert reply.code == 200
    assert (await admin.finished(running)).handle_msg == (
        "scheduling center kill job. [job running, killed]"
    )
    for log_id in (waiting, last):
        assert (await admin.finished(log_id)).handle_msg == (
            "scheduling center kill job. [job not executed, in the job queue, killed.]"
        )
    assert sorted(c["logId"] for c in admin.callbacks) == [running, waiting, last]
    assert (await admin.idle_beat(1)).is_success


async def test_killing_an_idle_job_succeeds(admin: FakeAdmin, app: ExecutorApp) -> None:
    reply = await post(app.url() + "/kill", {"jobId": 77}, token="s3cret")

    assert (reply.code, reply.payload) == (200, "job thread already killed.")


async def test_a_run_killed_while_it_is_being_accepted_has_one_result(
    admin: FakeAdmin, app: ExecutorApp, gate: str
) -> None:
    url, ids = app.url(), range(1000, 1040)
    for log_id in ids:
        admin.rows.opened(log_id, 1, at_ms=1_795_466_126_195)
        run = post(url + "/run", a_trigger(log_id, "gate", gate), token="s3cret")
        kill = post(url + "/kill", {"jobId": 1}, token="s3cret")
        accepted, _ = await asyncio.gather(run, kill)
        assert accepted.code == 200
    await post(url + "/kill", {"jobId": 1}, token="s3cret")
    for log_id in ids:
        await admin.finished(log_id)

    assert sorted(c["logId"] for c in admin.callbacks) == list(ids)
    assert {c["handleCode"] for c in admin.callbacks} == {500}


async def test_a_timeout_is_told_as_502(admin: FakeAdmin, app: ExecutorApp, gate: str) -> None:
    row = await admin.finished(await admin.trigger("gate", gate, timeout=1))

    assert (row.handle_code, row.handle_msg) == (502, "job execute timeout after 1 s")


async def test_the_time_limit_counts_running_time_only(
    admin: FakeAdmin, app: ExecutorApp, gate: str
) -> None:
    first = await admin.trigger("gate", "never" + gate, timeout=1)
    second = await admin.trigger("gate", gate, timeout=1)
    await begun(second)  # it has waited as long as it may run
    GATES[gate].set()  # at once: of its second, nothing goes to the callback of the first

    assert (await admin.finished(first)).handle_code == 502
    assert (await admin.finished(second)).handle_code == 200


async def test_a_kill_after_the_timeout_changes_nothing(
    admin: FakeAdmin, app: ExecutorApp, gate: str
) -> None:
    stuck = await admin.trigger("stuck", gate, timeout=1)
    row = await admin.finished(stuck)
    assert row.handle_code == 502
    await post(app.url() + "/kill", {"jobId": 1}, token="s3cret")
    GATES[gate].set()
    await until(lambda: not app.dispatcher.is_busy("default", 1))

    assert [c["handleCode"] for c in admin.callbacks] == [502]
