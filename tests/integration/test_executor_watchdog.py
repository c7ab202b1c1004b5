"""An async handler that blocks its loop: the service answers, and the run's log names the line."""

from __future__ import annotations

import asyncio
import re
import threading
from pathlib import Path

from executor.handler_table import HandlerTable
from executor.testing.fake_admin import FakeAdmin
from executor.workers.loop import AsyncWorker
from executor.workers.watchdog import Watchdog
from tests.integration.executor_service import an_executor


async def test_a_blocked_loop_of_handlers_delays_no_beat_and_is_named(tmp_path: Path) -> None:
    async with FakeAdmin() as admin, an_executor(tmp_path, admin) as app:
        log_id = await admin.trigger("block-until", str(tmp_path / "open"))
        other = await admin.trigger("lines", "1", job_id=2)
        await admin.finished(other)
        content = ""
        while admin.rows[log_id].is_open and "loop blocked" not in content:
            assert (await admin.beat()).is_success
            content = (await admin.log_page(log_id)).content
        (tmp_path / "open").touch()
        row = await admin.finished(log_id)
        watchdog = app.watchdog

    assert row.handle_msg == "let go"  # all this while it was blocked
    assert [callback["logId"] for callback in admin.callbacks] == [other, log_id]
    where = r"executor_handlers\.py:\d+ in block_until"
    assert re.search(rf"handler loop blocked for \d+\.\d s now at {where}", content)
    assert watchdog.blocks >= 1  # a machine that stalls is one, too
    assert watchdog.blocked_s > 1


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
