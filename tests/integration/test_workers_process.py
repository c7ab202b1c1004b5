"""What holds for handlers in processes of their own."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
import pytest_asyncio

from executor.errors import StartRefused
from executor.handler_table import HandlerTable, load_handlers
from executor.worker import Ending, EndingKind
from executor.workers.process import ProcessRun, ProcessWorker
from tests.integration.forkless_handlers import FULL
from tests.integration.helped_handlers import WANTED
from tests.integration.workers_at_work import LIMIT_S, Place, opened, table, worker_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def place() -> AsyncIterator[Place]:
    async with opened(worker_of("process"), "process") as place:
        yield place


def gone(*pids: int) -> bool:
    """Wait until none of these processes runs any more."""
    alive = [psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)]
    return not psutil.wait_procs(alive, timeout=LIMIT_S)[1]


async def test_an_endless_loop_in_c_is_killed(place: Place) -> None:
    run = place.start("endless-expression")
    await run.began()
    run.stop()

    assert await run.ending() == Ending(EndingKind.STOPPED, "")


async def test_what_refuses_sigterm_is_killed_with_its_children(place: Place) -> None:
    run = place.start("family")
    pids = json.loads(await run.log.line_with("["))
    run.stop()

    assert await run.ending() == Ending(EndingKind.STOPPED, "")
    assert gone(*pids)


async def test_children_that_a_handler_leaves_end_with_it(place: Place) -> None:
    ending = await place.start("leaves-a-child").ending()

    assert ending.kind is EndingKind.RETURNED
    assert gone(int(ending.message))


@pytest.mark.parametrize(
    ("number", "message"),
    [
        (signal.SIGKILL, "process died: signal 9 (SIGKILL)"),
        (signal.SIGSEGV, "process died: signal 11 (SIGSEGV)"),
        (signal.SIGTERM, "process died: signal 15 (SIGTERM)"),
    ],
)
async def test_a_process_that_dies_by_a_signal_is_lost(
    place: Place, number: signal.Signals, message: str
) -> None:
    ending = await place.start("kills-itself", str(int(number))).ending()

    assert ending == Ending(EndingKind.LOST, message)


async def test_a_process_that_leaves_without_a_word_is_lost(place: Place) -> None:
    ending = await place.start("leaves-at-once", "3").ending()

    assert ending == Ending(EndingKind.LOST, "process died: exit code 3")


async def test_what_c_code_and_sub_processes_print_is_in_the_log(place: Place) -> None:
    run = place.start("low-level")
    await run.ending()

    assert run.log.lines == ["by C: 中", "by a sub-process", "and stderr"]


async def test_what_is_held_back_in_buffers_is_in_the_log_too(place: Place) -> None:
    run = place.start("holds-back")
    await run.ending()

    assert sorted(run.log.lines) == ["by printf", "by the interpreter's stream"]


async def test_a_pool_of_threads_that_is_left_open_does_not_keep_the_process(place: Place) -> None:
    assert (await place.start("pools").ending()).message == "by a thread"


async def test_a_warning_is_in_the_log(place: Place) -> None:
    run = place.start("warns")
    await run.ending()

    assert "UserWarning: take care" in run.log.lines[0]


async def test_an_async_handler_may_have_a_process(place: Place) -> None:
    assert (await place.start("async-in-process").ending()).message == "awaited"


async def test_params_whose_check_takes_long_keep_up_no_other_run(
    place: Place, tmp_path: Path
) -> None:
    other = place.start("wait-process")
    await other.began()
    checked = place.start("checked-process", f"file={tmp_path / 'gate'}")
    other.stop()

    assert (await other.ending()).kind is EndingKind.STOPPED
    (tmp_path / "gate").touch()
    assert (await checked.ending()).message == "passed"


async def test_hooks_are_called_around_each_run(place: Place) -> None:
    run = place.start("hooked-process")
    await run.ending()

    assert run.log.lines == ["init", "between", "bye"]


async def test_runs_are_lost_with_their_keeper_and_the_next_one_gets_a_new_keeper(
    place: Place,
) -> None:
    keeper = psutil.Process(int((await place.start("parent").ending()).message))
    run = place.start("wait-process")
    await run.began()
    keeper.kill()

    assert await run.ending() == Ending(
        EndingKind.LOST, "process died: it was lost with its parent process"
    )
    assert (await place.start("give-process", "text").ending()).message == "said"


async def test_the_end_of_a_program_that_a_module_has_started_does_not_end_the_keeper(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    handlers = load_handlers(["tests.integration.helped_handlers"])
    monkeypatch.setenv(WANTED, "in the keeper")
    async with opened(ProcessWorker(handlers, grace_s=1)) as place:
        place.table = handlers

        before = await place.start("end-helper").ending()
        after = await place.start("keeper").ending()

    assert (before.kind, after) == (EndingKind.RETURNED, before)


async def test_a_process_that_cannot_be_forked_fails_its_run_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full, gate = tmp_path / "full", tmp_path / "gate"
    os.mkfifo(gate)
    monkeypatch.setenv(FULL, str(full))
    handlers = load_handlers(["tests.integration.forkless_handlers"])
    async with opened(ProcessWorker(handlers, grace_s=1)) as place:
        place.table = handlers
        first = place.start("wait-for-file", str(gate))
        with await asyncio.to_thread(gate.open, "w") as through:
            full.touch()
            refused = await place.start("wait-for-file", str(gate)).ending()
            full.unlink()
            through.write("went on")
        ending = await first.ending()

    assert refused.kind is EndingKind.RAISED
    assert "a process could not be started: Resource temporarily unavailable" in refused.message
    assert ending == Ending(EndingKind.RETURNED, "went on")


def no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere")


def no_sending(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise BrokenPipeError("nobody listens")

    monkeypatch.setattr(socket, "send_fds", refuse)


def no_pickle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ProcessRun, "job", lambda _: threading.Lock())


@pytest.mark.parametrize("fault", [no_file, no_sending, no_pickle])
async def test_runs_that_never_reach_their_keeper_leave_no_descriptors(
    place: Place, monkeypatch: pytest.MonkeyPatch, fault: Callable[[pytest.MonkeyPatch], None]
) -> None:
    await place.start("give-process", "text").ending()
    before = psutil.Process().num_fds()
    fault(monkeypatch)
    endings = [await place.start("give-process", "text").ending() for _ in range(5)]

    assert {ending.kind for ending in endings} == {EndingKind.RAISED}
    assert psutil.Process().num_fds() == before


async def test_modules_that_do_not_load_stop_the_start() -> None:
    worker = ProcessWorker(HandlerTable(table(), ["tests.no_such_module"]), grace_s=1)

    with pytest.raises(StartRefused, match=r"\[tests.no_such_module\] cannot be imported"):
        await worker.open()
    await worker.close()


async def test_nothing_outlives_a_service_that_is_killed() -> None:
    service = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.integration.doomed_service",
        cwd=Path(__file__).parents[2],
        stdout=asyncio.subprocess.PIPE,
    )
    assert service.stdout
    pids = json.loads(await asyncio.wait_for(service.stdout.readline(), 2 * LIMIT_S))
    assert all(psutil.pid_exists(pid) for pid in pids)
    service.kill()
    await service.wait()

    assert gone(*pids)
