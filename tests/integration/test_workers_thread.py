"""What holds for handlers in threads."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from executor.errors import StartRefused
from executor.handler_table import HandlerTable
from executor.worker import Ending, EndingKind
from executor.workers import thread
from executor.workers.loop import AsyncWorker
from executor.workers.thread import ThreadRun, ThreadWorker
from tests.integration.worker_handlers import HOLD, HOOKS
from tests.integration.workers_at_work import LIMIT_S, Place, opened, table

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from executor.handler import Handler


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    async with opened(ThreadWorker(table(), idle_s=0.1), "thread") as place:
        yield place


async def test_an_endless_loop_is_ended(place: Place) -> None:
    run = place.start("wait-thread")
    await run.began()
    run.stop()

    assert (await run.ending()).kind is EndingKind.STOPPED


async def test_a_loop_that_does_nothing_but_log_is_ended_too(place: Place) -> None:
    run = place.start("logs-without-end")
    await run.began()
    run.stop()

    assert (await run.ending()).kind is EndingKind.STOPPED


async def test_code_that_catches_the_interruption_is_interrupted_again(place: Place) -> None:
    run = place.start("stubborn-thread")
    await run.began()
    run.stop()

    assert await run.ending() == Ending(EndingKind.RETURNED, "refused 3 times")


async def test_code_that_looks_at_the_flag_ends_in_its_own_way(place: Place) -> None:
    run = place.start("polite-thread")
    await run.began()
    run.stop()

    assert await run.ending() == Ending(EndingKind.RETURNED, "cancelled True")


async def test_a_thread_asleep_in_c_is_not_ended_before_it_wakes(place: Place) -> None:
    run = place.start("held-in-c")
    await run.began()
    run.stop()
    try:
        done, _ = await asyncio.wait({run.first}, timeout=0.7)  # it is interrupted meanwhile

        assert not done
        assert run.execution.whereabouts().endswith(" in held_in_c")
    finally:
        HOLD.put(None)
    assert (await run.ending()).kind is EndingKind.STOPPED
    assert run.execution.whereabouts() == ""


async def test_a_run_stopped_before_its_thread_began_is_interrupted_once_it_has(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(thread, "_COURTESY_S", 0.0)
    monkeypatch.setattr(place.worker, "start", ThreadRun)
    run = place.start("wait-thread")
    run.stop()
    for _ in range(3):  # turns of the loop, in which it is tried for the first time
        await asyncio.sleep(0)
    threading.Thread(target=run.execution.execute, daemon=True).start()  # type: ignore[attr-defined]

    assert (await run.ending()).kind is EndingKind.STOPPED


async def test_an_interruption_never_hits_another_run(place: Place) -> None:
    """Runs end by themselves just as they are interrupted, and others take their threads."""
    for n in range(40):
        stopped = place.start("sleep-in-c", str(0.24 + n / 2000))
        stopped.stop()
        others = [place.start("sleep-in-c", "0.001") for _ in range(5)]
        for other in others:
            assert (await other.ending()).kind is EndingKind.RETURNED
        if n % 8 == 7:
            await stopped.ending()
            assert len(stopped.endings) == 1


async def test_an_async_def_behind_a_plain_wrapper_fails_instead_of_passing_unrun(
    place: Place,
) -> None:
    ending = await place.start("wrapped-async").ending()

    assert ending.kind is EndingKind.RAISED
    assert "what wraps an async def must be an async def itself" in ending.message


async def test_idle_threads_end(place: Place) -> None:
    for run in [place.start("nothing-thread") for _ in range(10)]:
        await run.ending()
    mine = [one for one in threading.enumerate() if one.name == "handler-thread"]

    for one in mine:
        await asyncio.to_thread(one.join, 5.0)
        assert not one.is_alive()
    assert (await place.start("give-thread", "text").ending()).message == "said"


async def test_hooks_are_called_once_around_the_life_of_the_worker() -> None:
    HOOKS.clear()
    async with opened(ThreadWorker(table()), "thread") as place:
        await place.start("hooked-thread").ending()
        assert (await place.start("hooked-thread").ending()).message == "init"

    assert HOOKS == ["init", "destroy"]


async def test_a_destroy_that_does_not_return_is_left_behind_and_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(thread, "_DESTROY_S", 0.1)
    returns = threading.Event()
    destroying: list[threading.Thread] = []

    def destroy() -> None:
        destroying.append(threading.current_thread())
        returns.wait()

    handler = replace(table().find("nothing-thread"), destroy=destroy)
    worker = ThreadWorker(HandlerTable([handler]))
    await worker.open()
    try:
        with capture_logs() as said:
            await asyncio.wait_for(worker.close(), LIMIT_S)
    finally:
        returns.set()

    assert [(one["event"], one["handler"]) for one in said] == [
        ("handler_destroy_left_behind", "nothing-thread")
    ]
    assert [one.daemon for one in destroying] == [True]  # the process does not wait for it either


@pytest.mark.parametrize("isolation", ["async", "thread"])
async def test_only_what_has_begun_is_ended_where_one_init_fails(isolation: str) -> None:
    called: list[str] = []

    def hooked(name: str, *, fails: bool = False) -> Handler:
        def init() -> None:
            called.append(f"init {name}")
            if fails:
                raise OSError("no")

        known = table().find(f"nothing-{isolation}")
        return replace(
            known, name=name, init=init, destroy=lambda: called.append(f"destroy {name}")
        )

    make = AsyncWorker if isolation == "async" else ThreadWorker
    worker = make(HandlerTable([hooked("a"), hooked("b", fails=True), hooked("c")]))
    with pytest.raises(StartRefused, match=r"\[b\] failed: OSError: no"):
        await worker.open()
    await worker.close()

    assert called == ["init a", "init b", "destroy a"]


@pytest.mark.parametrize("isolation", ["async", "thread"])
async def test_hooks_that_exit_end_no_service(isolation: str) -> None:
    def leave() -> None:
        raise SystemExit(3)

    handler = table().find(f"nothing-{isolation}")
    make = AsyncWorker if isolation == "async" else ThreadWorker
    refusing = make(HandlerTable([replace(handler, init=leave)]))
    with pytest.raises(StartRefused, match="SystemExit: 3"):
        await refusing.open()
    await refusing.close()

    worker = make(HandlerTable([replace(handler, destroy=leave)]))
    await worker.open()
    with capture_logs() as said:
        await worker.close()
    assert [one["event"] for one in said] == ["handler_destroy_failed"]


_TRACED = """
import sys, time
from executor import job_handler
from executor.testing.run import run_handler

@job_handler("quick")
def quick():
    return "done"

@job_handler("endless")
def endless():
    while True:
        time.sleep(0.01)

run_handler(quick)
assert run_handler(endless, timeout_s=1).state == "timed_out"
sys.settrace(lambda *_: None)
(lambda: None)()
print("traced")
"""


def test_an_ended_run_leaves_no_interruption_pending_anywhere():
    # CPython 3.11 hangs at the first traced call while it believes that somewhere one is
    command = [sys.executable, "-c", _TRACED]

    said = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)

    assert said.stdout.strip() == "traced", said.stderr
