"""An async handler that blocks its loop: the service answers, and the run's log names the line."""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path

from executor.handler_table import HandlerTable
from executor.testing.fake_admin import FakeAdmin
from executor.workers.loop import AsyncWorker
from executor.workers.watchdog import Watchdog
from tests.integration.executor_service import an_executor


async def test_a_blocked_loop_of_handlers_delays_no_beat_and_is_named(tmp_path: Path) -> None:
    async with FakeAdmin() as admin, an_executor(tmp_path, admin) as app:
        log_id = await admin.trigger("block-loop", "2.5")
        other = await admin.trigger("lines", "1", job_id=2)
        slowest = 0.0
        while admin.rows[log_id].is_open:
            began = time.monotonic()
            assert (await admin.beat()).is_success
            slowest = max(slowest, time.monotonic() - began)
            await asyncio.sleep(0)
        content = (await admin.log_page(log_id)).content
        watchdog = app.watchdog

    assert [callback["logId"] for callback in admin.callbacks] == [other, log_id]
    assert slowest < 1.0, "a beat waited for the handler"
    assert "handler loop blocked for 1." in content
    assert "executor_handlers.py:" in content
    assert "in block_loop" in content
    assert watchdog.blocks == 1
    assert 1.5 < watchdog.blocked_s < 10


def test_an_answer_that_comes_once_the_service_has_ended_is_no_fault() -> None:
    worker, faults = AsyncWorker(HandlerTable([])), list[object]()
    worker.thread.loop.set_exception_handler(lambda _loop, fault: faults.append(fault))
    goes_on = threading.Event()

    async def end_while_an_answer_is_awaited() -> None:
        await worker.open()
        worker.thread.call(goes_on.wait)
        watching = asyncio.create_task(Watchdog(worker, on_block=lambda _: None).run())
        await asyncio.sleep(0)
        watching.cancel()

    asyncio.run(end_while_an_answer_is_awaited())
    goes_on.set()
    asyncio.run(worker.close())

    assert faults == []
