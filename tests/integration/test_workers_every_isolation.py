"""What holds wherever a handler runs."""

from __future__ import annotations

import asyncio
import hashlib
import json
import threading
from typing import TYPE_CHECKING

import psutil
import pytest
import pytest_asyncio

from executor.context import Progress
from executor.run_alarm import Level, RunAlarm
from executor.worker import Ending, EndingKind
from tests.integration.workers_at_work import NOW_MS, Place, opened, worker_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(params=["async", "thread", "process"], scope="module", loop_scope="module")
async def place(request: pytest.FixtureRequest) -> AsyncIterator[Place]:
    async with opened(worker_of(request.param), request.param) as place:
        yield place


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("none", ""),
        ("text", "said"),
        ("mapping", '{"rows": [1, 2]}'),
        ("generator", "<generator object"),
        ("unpicklable", "<unlocked _thread.lock"),
        ("loop", "[[...]]"),
        ("detached", "<Detached>"),
    ],
)
async def test_what_a_handler_returns_is_its_message(
    place: Place, given: str, message: str
) -> None:
    ending = await place.start("give-*", given).ending()

    assert ending.kind is EndingKind.RETURNED
    assert ending.message.startswith(message)
    assert bool(message) == bool(ending.message)


async def test_a_handler_raises_alarms(place: Place) -> None:
    run = place.start("warn-*", "two words")
    ending = await run.ending()

    assert ending.message == "warned"
    assert run.alarms == [
        RunAlarm(Level.CRITICAL, "stock below zero"),
        RunAlarm(Level.WARNING, "two words"),
    ]
    assert "alarm critical: stock below zero" in run.log.lines


async def test_a_message_is_bounded(place: Place) -> None:
    assert len((await place.start("give-*", "huge").ending()).message) == 15_000


@pytest.mark.parametrize(
    ("error", "message"),
    [
        ("value", "ValueError: bad value"),
        ("exit", "SystemExit: 3"),
        ("interrupt", "KeyboardInterrupt"),
        ("generator", "GeneratorExit"),
        ("unspeakable", "Unspeakable"),
    ],
)
async def test_whatever_a_handler_raises_fails_its_run_and_nothing_else(
    place: Place, error: str, message: str
) -> None:
    run = place.start("fall-*", error)

    assert await run.ending() == Ending(EndingKind.RAISED, message)
    assert any("worker_handlers.py" in line for line in run.log.lines)
    assert not any("workers/" in line for line in run.log.lines)
    assert (await place.start("give-*", "text").ending()).message == "said"


async def test_a_failure_by_ctx_is_told_without_a_traceback(place: Place) -> None:
    run = place.start("give_up-*")

    assert await run.ending() == Ending(EndingKind.RAISED, "no rows today")
    assert run.log.lines == ["no rows today"]


async def test_params_that_do_not_fit_fail_the_run_before_it_starts(place: Place) -> None:
    run = place.start("limited-*", "rows=101")

    assert await run.ending() == Ending(
        EndingKind.RAISED, "bad params: rows: Input should be less than or equal to 100"
    )
    assert "began" not in run.log.lines


async def test_params_whose_check_exits_fail_the_run_and_nothing_else(place: Place) -> None:
    assert await place.start("limited-*", "rows=13").ending() == Ending(
        EndingKind.RAISED, "SystemExit: 3"
    )
    assert (await place.start("limited-*", "rows=12").ending()).message == "12"


async def test_params_fill_the_model(place: Place) -> None:
    assert (await place.start("limited-*", '{"rows": 12}').ending()).message == "12"


async def test_what_cannot_be_shown_fails_no_run_that_logs_it(place: Place) -> None:
    run = place.start("log_what_cannot_be_shown-*")

    assert (await run.ending()).message == "went on"
    assert run.log.lines == ["authors.module: 'loaded %s' <tuple>"]


async def test_a_run_sees_no_context_variables_of_another(place: Place) -> None:
    await place.start("bind-*", "a tenant").ending()

    assert (await place.start("bind-*", "another").ending()).message == "none"


async def test_a_text_of_any_length_is_in_the_log(place: Place) -> None:
    run = place.start("say_much-*", "3000")
    await run.ending()

    assert sum(line.count("x") for line in run.log.lines) == 999 * 3001


async def test_all_that_a_run_says_is_in_its_log(place: Place) -> None:
    run = place.start("talk-*")
    await run.ending()

    log = "\n".join(run.log.lines)
    for said in (
        "ctx 1",
        "100% wrong %d",
        "value by name",
        "authors.module: logged 2",
        "structured",
        "answer=42",
        "printed 3",
        "to stderr",
        "failed once",
        "failed twice",
        "KeyError: 'caught'",
        "progress 40% loading",
        "unfinished",
    ):
        assert said in log
    assert log.count("KeyError: 'caught'") == 2
    assert log.count("printed") == 1
    assert "\x1b" not in log
    assert run.progress == Progress(0.4, "loading")


async def test_runs_side_by_side_do_not_mix_their_logs(place: Place) -> None:
    runs = [place.start("chatter-*", f"run{n}") for n in range(3)]

    for n, run in enumerate(runs):
        await run.ending()
        printed = [f"run{n} end", f"authors.module: run{n}"]
        assert run.log.lines == printed * 50


async def test_the_context_tells_the_same_everywhere(place: Place) -> None:
    run = place.start(
        "identity-*",
        "p",
        config={"key": "value"},
        shard_index=1,
        shard_total=4,
        attempt=2,
        timeout_s=10,
        scheduled_ms=NOW_MS - 1000,
    )

    assert json.loads((await run.ending()).message) == {
        "log_id": 7,
        "job_id": 3,
        "params": "p",
        "shard": [1, 4],
        "attempt": 2,
        "scheduled": "2025-11-24T15:59:59+00:00",
        "deadline": "2025-11-24T16:00:10+00:00",
        "key": hashlib.sha256(f"test\n7\n{NOW_MS}".encode()).hexdigest()[:32],
        "config": {"key": "value"},
    }


async def test_a_stopped_run_ends_as_stopped(place: Place) -> None:
    run = place.start("wait-*")
    await run.began()
    run.stop()

    assert await run.ending() == Ending(EndingKind.STOPPED, "")


async def test_a_run_stopped_at_its_start_ends_once(place: Place) -> None:
    run = place.start("wait-*")
    run.stop()

    assert await run.ending() == Ending(EndingKind.STOPPED, "")


async def test_a_run_ends_once_however_stops_race_with_its_end(place: Place) -> None:
    count = 12 if place.isolation == "process" else 300
    for n in range(count):
        run = place.start("nothing-*")
        for _ in range(n % 5):
            await asyncio.sleep(0)
        run.stop()
        ending = await run.ending()
        run.stop()

        assert ending.kind in {EndingKind.RETURNED, EndingKind.STOPPED}
    assert (await place.start("give-*", "text").ending()).message == "said"
    assert len(run.endings) == 1


async def test_many_runs_leave_nothing_behind(place: Place) -> None:
    count = 40 if place.isolation == "process" else 10_000
    await place.start("nothing-*").ending()
    me = psutil.Process()
    threads, files = threading.active_count(), me.num_fds()
    children = len(me.children(recursive=True))

    for _ in range(count // 20):
        runs = [place.start("nothing-*") for _ in range(20)]
        for run in runs:
            await run.ending()
            assert len(run.endings) == 1

    # a thread says that its run has ended just before it is free for the next
    assert threading.active_count() <= threads + (60 if place.isolation == "thread" else 0)
    assert me.num_fds() == files
    assert len(me.children(recursive=True)) == children
