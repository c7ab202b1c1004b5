"""SIGTERM: out of the registry, finish or stop what runs, deliver, exit 0."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import socket
import threading
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from executor import lifetime
from executor.app import ExecutorApp
from executor.handler_table import HandlerTable
from executor.journal_store import Answer, Batch, JournalStore
from executor.testing.fake_admin import FakeAdmin
from executor.workers import thread
from scheduler.settings import load
from tests.integration.executor_service import LIMIT_S, Service, environment, until

TOKEN = "s3cret"
SLOW_TO_BEGIN = """
import asyncio, pathlib
from executor import job_handler

async def init():
    pathlib.Path({begun!r}).touch()
    await asyncio.sleep(60)

@job_handler("never", init=init)
async def never():
    pass
"""
BUSY_AND_BAD = """
import threading
from concurrent.futures import ThreadPoolExecutor
from executor import job_handler

def fail():
    raise OSError("no")

@job_handler("a", init=lambda: ThreadPoolExecutor().submit(threading.Event().wait))
def a():
    pass

@job_handler("b", init=fail)
def b():
    pass
"""


@pytest.fixture
async def admin() -> AsyncIterator[FakeAdmin]:
    async with FakeAdmin(token=TOKEN) as admin:
        yield admin


async def two_runs(admin: FakeAdmin, folder: Path) -> tuple[int, int]:
    """A run that waits for the file `open`, and one behind it."""
    params = json.dumps({"mark": str(folder / "mark"), "until": str(folder / "open")})
    running, waiting = [await admin.trigger("file-gate", params) for _ in range(2)]
    mark = folder / "mark"
    await until(lambda: mark.exists() and mark.read_text(), "the first runs")
    return running, waiting


async def deregistered(admin: FakeAdmin) -> None:
    await admin.until(lambda: not admin.addresses, LIMIT_S)


async def test_what_was_accepted_ends_within_the_grace(admin: FakeAdmin, tmp_path: Path) -> None:
    async with Service(tmp_path, admin, executor__stop_grace_seconds=60) as service:
        await admin.registered()
        runs = await two_runs(admin, tmp_path)
        service.signal(signal.SIGTERM)
        await deregistered(admin)
        (tmp_path / "open").touch()

        assert await service.exit_code() == 0
    assert [admin.rows[i].handle_msg for i in runs] == ["found", "found"]


async def test_what_has_not_ended_when_the_grace_is_over_is_stopped_and_reported(
    admin: FakeAdmin, tmp_path: Path
) -> None:
    async with Service(tmp_path, admin) as service:
        await admin.registered()
        running, waiting = await two_runs(admin, tmp_path)

        assert await service.stop() == 0
    assert admin.rows[running].handle_code == 500
    assert admin.rows[running].handle_msg == (
        "the executor was stopped and killed the job. [job running, killed]"
    )
    assert admin.rows[waiting].handle_msg == (
        "the executor was stopped and killed the job. [job not executed, in the job queue, killed.]"
    )
    assert len(admin.callbacks) == 2


async def test_while_leaving_it_says_so_and_takes_what_admins_still_send(
    admin: FakeAdmin, tmp_path: Path
) -> None:
    patient = {"executor__drain_seconds": 60, "executor__stop_grace_seconds": 60}
    async with Service(tmp_path, admin, **patient) as service:
        await admin.registered()
        running, waiting = await two_runs(admin, tmp_path)
        service.signal(signal.SIGTERM)
        await deregistered(admin)
        assert "executor_leaving" in (said := service.errors.read_text())
        assert "drain_seconds" in said
        late = await admin.trigger("echo", "late", job_id=2, address=service.url)

        assert (await admin.finished(late, LIMIT_S)).handle_msg == "late"
        assert (await admin.beat(service.url)).is_success
        assert "execute start" in (await admin.log_page(running)).content

        service.signal(signal.SIGTERM)
        assert await service.exit_code() == 0
    assert admin.rows[running].handle_code == admin.rows[waiting].handle_code == 500
    assert len(admin.callbacks) == 3


async def test_once_admins_know_that_it_leaves_it_turns_new_runs_away(
    admin: FakeAdmin, tmp_path: Path
) -> None:
    async with Service(tmp_path, admin, executor__stop_grace_seconds=60) as service:
        await admin.registered()
        running, _ = await two_runs(admin, tmp_path)
        service.signal(signal.SIGTERM)
        await deregistered(admin)
        async with asyncio.timeout(LIMIT_S):
            while True:
                row = admin.rows[await admin.trigger("echo", job_id=2, address=service.url)]
                if row.trigger_code == 500:
                    break

        assert row.trigger_msg == "this executor is shutting down, use another node"
        assert (await admin.beat(service.url)).code == 500  # failover passes it by
        (tmp_path / "open").touch()
        assert await service.exit_code() == 0
    assert admin.rows[running].handle_msg == "found"


async def test_a_second_signal_does_not_wait_for_an_admin_that_is_away(
    admin: FakeAdmin, tmp_path: Path
) -> None:
    async with Service(tmp_path, admin, executor__drain_seconds=60) as service:
        await admin.registered()
        running, waiting = await two_runs(admin, tmp_path)
        async with admin.fault("unreachable"):
            service.signal(signal.SIGTERM)
            await until(lambda: "deregistration_failed" in service.errors.read_text())
            service.signal(signal.SIGTERM)

            assert await service.exit_code(within=20) == 0  # not the 60 s
        await service.start()
        for log_id in (running, waiting):
            assert (await admin.finished(log_id, LIMIT_S)).handle_code == 500
        assert "executor was stopped" in str(admin.rows[waiting].handle_msg)
        assert len(admin.callbacks) == 2


async def test_work_that_will_not_stop_does_not_keep_the_service(
    admin: FakeAdmin, tmp_path: Path
) -> None:
    async with Service(tmp_path, admin) as service:
        await admin.registered()
        stuck = await admin.trigger("stuck", "a gate that nobody opens")
        await admin.until(lambda: admin.rows[stuck].trigger_code == 200)

        assert await service.stop() == 0
    assert "still busy in executor_handlers.py" in str(admin.rows[stuck].handle_msg)


async def test_a_signal_during_the_start_ends_the_service_in_order(
    admin: FakeAdmin, tmp_path: Path
) -> None:
    service = Service(tmp_path, admin)
    await service.launch()
    await admin.registered(LIMIT_S)
    service.signal(signal.SIGTERM)

    assert await service.exit_code() == 0
    assert admin.addresses == []


async def test_a_second_signal_does_not_wait_for_admins_that_are_silent(tmp_path: Path) -> None:
    with contextlib.ExitStack() as listening:
        silent = [
            listening.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(12)
        ]
        urls = ",".join(f"http://127.0.0.1:{one.getsockname()[1]}" for one in silent)
        async with Service(tmp_path, admin__addresses=urls) as service:
            service.signal(signal.SIGTERM)
            await until(lambda: "executor_leaving" in service.errors.read_text(), "the leaving")
            service.signal(signal.SIGTERM)

            assert await service.exit_code(within=45) == 0  # each of them is given 5 s


async def test_a_second_signal_does_not_wait_for_what_handlers_do_at_their_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(thread, "_DESTROY_S", 3600)
    begun, returns = threading.Event(), threading.Event()

    def destroy() -> None:
        begun.set()
        returns.wait()

    app = ExecutorApp(load(None, environment(tmp_path, handlers__modules="handlers.sample")))
    slow = replace(app.handlers.find("sampleThread"), destroy=destroy)
    app.handlers = HandlerTable([slow])
    await app.start()
    hurry = asyncio.Event()
    stopping = asyncio.create_task(app.stop(hurry=hurry))
    try:
        await until(begun.is_set, "the destroy hook")
        with capture_logs() as said:
            hurry.set()
            await asyncio.wait_for(stopping, LIMIT_S)
    finally:
        returns.set()

    assert "handler_destroy_left_behind" in [one["event"] for one in said]


async def test_a_second_signal_ends_a_start_that_does_not_come_to_its_end(tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    (tmp_path / "slow_to_begin.py").write_text(SLOW_TO_BEGIN.format(begun=str(begun)))
    service = Service(tmp_path, handlers__modules="slow_to_begin")
    service._environ["PYTHONPATH"] = str(tmp_path)
    await service.launch()
    await until(begun.exists, "the init hook")
    service.signal(signal.SIGTERM)
    service.signal(signal.SIGINT)

    assert await service.exit_code(within=30) == 0


async def test_threads_that_handlers_have_begun_do_not_keep_a_start_that_fails(
    tmp_path: Path,
) -> None:
    (tmp_path / "busy_and_bad.py").write_text(BUSY_AND_BAD)
    service = Service(tmp_path, handlers__modules="busy_and_bad")
    service._environ["PYTHONPATH"] = str(tmp_path)
    await service.launch()

    assert await service.exit_code() == 2
    assert "init of handler [b] failed: OSError: no" in service.errors.read_text()


async def test_threads_that_handlers_have_begun_do_not_keep_it_from_its_exit(
    admin: FakeAdmin, tmp_path: Path
) -> None:
    async with Service(tmp_path, admin) as service:
        await admin.registered()
        params = json.dumps({"mark": str(tmp_path / "mark"), "until": str(tmp_path / "never")})
        run = await admin.trigger("file-gate-beside", params)
        await until((tmp_path / "mark").exists, "the run")
        service.signal(signal.SIGTERM)

        assert await service.exit_code() == 0
        assert "threads_left_behind" in service.errors.read_text()
    assert admin.rows[run].handle_code == 500


async def test_a_process_that_a_handler_forks_and_terminates_does_not_stop_it(
    admin: FakeAdmin, tmp_path: Path
) -> None:
    async with Service(tmp_path, admin, executor__stop_grace_seconds=60) as service:
        await admin.registered()
        row = await admin.finished(await admin.trigger("forks-ended"), LIMIT_S)

        assert (row.handle_code, row.handle_msg) == (200, f"{{{-signal.SIGTERM}}}")
        assert (await admin.finished(await admin.trigger("echo", "on"), LIMIT_S)).handle_msg == "on"
        assert "executor_leaving" not in service.errors.read_text()


@pytest.mark.sources
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
async def test_a_service_whose_journal_has_died_of_a_bug_ends_with_an_error(
    admin: FakeAdmin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def commit(_store: JournalStore, _batch: Batch) -> list[Answer]:
        raise RuntimeError("a bug")

    patient = {"executor__drain_seconds": 60, "executor__stop_grace_seconds": 60}
    settings = load(None, environment(tmp_path, admin, **patient))
    serving = asyncio.create_task(lifetime._run(lambda: ExecutorApp(settings), None))
    await admin.registered()
    monkeypatch.setattr(JournalStore, "commit", commit)
    trigger = asyncio.create_task(admin.trigger("echo"))

    assert await asyncio.wait_for(serving, LIMIT_S) == 1
    assert admin.addresses == []
    assert admin.rows[await trigger].trigger_code == 500
