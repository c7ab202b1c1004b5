"""What holds for async handlers, and for the watchdog over them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from executor.worker import Ending, EndingKind
from executor.workers.loop import AsyncWorker
from executor.workers.watchdog import Block, Watchdog
from tests.integration.workers_at_work import LIMIT_S, Place, opened, table

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def worker() -> AsyncWorker:
    return AsyncWorker(table())


@pytest.fixture
async def place(worker: AsyncWorker) -> AsyncIterator[Place]:
    async with opened(worker, "async") as place:
        yield place


async def test_a_run_killed_before_its_first_step_is_still_reported(place: Place) -> None:
    blocking = place.start("block-loop", "0.1")
    run = place.start("wait-async")
    run.stop()

    assert await run.ending() == Ending(EndingKind.STOPPED, "")
    assert "began" not in run.log.lines
    await blocking.ending()


async def test_a_handler_that_swallows_its_cancellation_runs_on(place: Place) -> None:
    run = place.start("stubborn-async")
    await run.began()
    run.stop()
    await run.log.line_with("refused 1")
    assert not run.endings

    run.stop()

    assert await run.ending() == Ending(EndingKind.RETURNED, "refused 2 times")


async def test_a_handler_that_cancels_itself_has_failed(place: Place) -> None:
    ending = await place.start("cancels-itself").ending()

    assert ending == Ending(EndingKind.RAISED, "CancelledError: the handler cancelled itself")


async def test_an_exit_in_a_task_beside_does_not_end_the_loop(place: Place) -> None:
    with capture_logs() as said:
        ending = await place.start("side-exit").ending()

    assert ending == Ending(EndingKind.RETURNED, "SystemExit(4)")
    assert [one["event"] for one in said] == ["handler_loop_exit_ignored"]
    assert (await place.start("give-async", "text").ending()).message == "said"


async def test_where_a_waiting_run_stands_can_be_told(place: Place) -> None:
    run = place.start("wait-async")
    await run.began()
    await place.start("nothing-async").ending()  # by now the other has reached its await

    assert run.execution.whereabouts().startswith("worker_handlers.py:")
    assert run.execution.whereabouts().endswith(" in wait_async")
    run.stop()
    await run.ending()


async def test_a_blocked_loop_leaves_the_services_loop_alone(place: Place, tmp_path: Path) -> None:
    run = place.start("block-until", str(tmp_path / "open"))
    await run.began()
    (tmp_path / "open").touch()

    assert await run.ending() == Ending(EndingKind.RETURNED, "let go")


async def test_the_watchdog_names_who_blocks_the_loop_where_and_how_long(
    worker: AsyncWorker, place: Place, tmp_path: Path
) -> None:
    blocks: list[Block] = []
    both = asyncio.Event()

    def hear(block: Block) -> None:
        blocks.append(block)
        if block.handler:  # else the machine has stalled
            (tmp_path / "open").touch()
            if block.over:
                both.set()

    watchdog = Watchdog(worker, on_block=hear)
    watching = asyncio.create_task(watchdog.run())
    run = place.start("block-until", str(tmp_path / "open"))
    await asyncio.wait_for(both.wait(), LIMIT_S)
    await run.ending()
    watching.cancel()

    begun, over = (block for block in blocks if block.handler)
    assert (begun.handler, begun.log_id, begun.over) == ("block-until", 7, False)
    assert begun.where.startswith("worker_handlers.py:")
    assert begun.where.endswith("in block_until")
    assert 1.0 <= begun.seconds < over.seconds
    assert over.where == begun.where
    assert watchdog.blocks == sum(not block.over for block in blocks)
    lasted_s = sum(block.seconds for block in blocks if block.over)
    assert watchdog.blocked_s == pytest.approx(lasted_s)
    _, said_begun, said_over = run.log.lines
    assert begun.where in said_begun
    assert "was blocked" in said_over
