"""The log of a run as the console pages it (`protocol.md` (a), /log)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from executor.app import ExecutorApp
from executor.clock import SystemClock, moment
from executor.logstore import Chunk, LogWriter, days
from executor.testing.fake_admin import FakeAdmin
from tests.integration.executor_handlers import GATES
from tests.integration.executor_service import (
    LIMIT_S,
    LogLines,
    a_trigger,
    an_executor,
    post,
    until,
)


@pytest.fixture
async def admin() -> AsyncIterator[FakeAdmin]:
    async with FakeAdmin() as admin:
        yield admin


@pytest.fixture
async def app(admin: FakeAdmin, tmp_path: Path) -> AsyncIterator[ExecutorApp]:
    async with an_executor(tmp_path, admin) as app:
        yield app


async def test_a_finished_run_is_one_page_that_ends(admin: FakeAdmin, app: ExecutorApp) -> None:
    log_id = await admin.trigger("lines", "3000")
    await admin.finished(log_id)
    page = await admin.log_page(log_id, 1)

    lines = page.content.splitlines()
    assert "job execute start, handler [lines], params [3000], shard 0/1, attempt 1" in lines[0]
    assert [line.split(" INFO ")[1] for line in lines[1:-1]] == [f"line {n}" for n in range(3000)]
    assert "job execute end, succeeded (200)" in lines[-1]
    assert (page.from_line, page.to_line, page.is_end) == (1, 3002, True)
    assert await admin.log_page(log_id, 0) == LogLines(0, 3002, page.content, is_end=True)


async def test_a_page_from_a_line_on_begins_there(admin: FakeAdmin, app: ExecutorApp) -> None:
    log_id = await admin.trigger("lines", "10")
    await admin.finished(log_id)
    page = await admin.log_page(log_id, 11)

    assert page.content.splitlines()[0].endswith("INFO line 9")
    assert (page.from_line, page.to_line, page.is_end) == (11, 12, True)


async def test_a_page_beyond_the_end_of_a_finished_run_is_empty_and_ends(
    admin: FakeAdmin, app: ExecutorApp
) -> None:
    log_id = await admin.trigger("echo", "x")
    await admin.finished(log_id)

    for from_line in (3, 1000):
        page = await admin.log_page(log_id, from_line)
        assert page == LogLines(from_line, from_line - 1, "", is_end=True)


async def test_a_running_run_is_paged_without_an_end_until_it_has_one(
    admin: FakeAdmin, app: ExecutorApp, tmp_path: Path
) -> None:
    log_id = await admin.trigger("gate", tmp_path.name)
    first = await _some_lines(admin, log_id)
    assert (first.to_line, first.is_end) == (1, False)
    waiting = await admin.log_page(log_id, 2)
    assert waiting == LogLines(2, 1, "", is_end=False)

    GATES[tmp_path.name].set()
    await admin.finished(log_id)
    last = await admin.log_page(log_id, 2)
    assert (last.to_line, last.is_end) == (2, True)
    assert "job execute end" in last.content


async def _some_lines(admin: FakeAdmin, log_id: int) -> LogLines:
    async with asyncio.timeout(LIMIT_S):
        while not (page := await admin.log_page(log_id)).content:
            pass
    return page


async def test_a_run_that_waits_has_an_empty_page_that_does_not_end(
    admin: FakeAdmin, app: ExecutorApp, tmp_path: Path
) -> None:
    running, waiting = [await admin.trigger("gate", tmp_path.name) for _ in range(2)]

    assert await admin.log_page(waiting) == LogLines(1, 0, "", is_end=False)
    GATES[tmp_path.name].set()
    await admin.finished(running)
    await admin.finished(waiting)


async def test_the_log_of_an_unknown_run_says_so_and_ends(
    admin: FakeAdmin, app: ExecutorApp
) -> None:
    body = {"logId": 77, "logDateTim": 1_795_466_126_000, "fromLineNum": 1}
    reply = await post(app.url() + "/log", body)

    assert reply.code == 200
    assert reply.payload["isEnd"] is True
    assert reply.payload["fromLineNum"] == 1
    assert "no log is kept here" in reply.payload["logContent"]


async def test_a_log_that_is_too_long_for_a_page_keeps_its_head_and_its_tail(
    admin: FakeAdmin, tmp_path: Path
) -> None:
    async with an_executor(tmp_path, admin, logs__page_bytes=4000):
        log_id = await admin.trigger("lines", "20000")
        await admin.finished(log_id)
        page = await admin.log_page(log_id)
        lines = page.content.splitlines()

        assert (page.to_line, page.is_end) == (20_002, True)
        assert len(page.content) < 4400
        assert "job execute start" in lines[0]
        assert "job execute end" in lines[-1]
        (gap,) = [line for line in lines if "left out" in line]
        assert f"… {20_002 - len(lines) + 1} lines from line" in gap


async def test_a_long_log_is_read_to_its_end_by_pages(admin: FakeAdmin, tmp_path: Path) -> None:
    async with an_executor(tmp_path, admin, logs__page_bytes=4000):
        log_id = await admin.trigger("lines", "500")
        await admin.finished(log_id)
        page, read = await admin.log_page(log_id, 2), 1
        text = page.content
        while not page.is_end:
            assert page.to_line > read
            read = page.to_line
            page = await admin.log_page(log_id, read + 1)
            text += page.content  # as the console's page does

        assert page.to_line == 502
        said = [line.split(" INFO ")[1] for line in text.splitlines()]
        assert said[:-1] == [f"line {n}" for n in range(500)]


async def test_the_last_page_of_200_000_lines_is_right(admin: FakeAdmin, app: ExecutorApp) -> None:
    log_id = await admin.trigger("lines", "200000")
    await admin.finished(log_id, 30)
    page = await admin.log_page(log_id, 199_902)

    said = [line.split(" INFO ")[1] for line in page.content.splitlines()]
    assert said[:-1] == [f"line {n}" for n in range(199_900, 200_000)]
    assert (page.to_line, page.is_end) == (200_002, True)


async def test_odd_text_of_a_handler_costs_the_odd_characters_only(
    admin: FakeAdmin, app: ExecutorApp
) -> None:
    log_id = await admin.trigger("odd-text")

    assert (await admin.finished(log_id)).handle_msg == "told ? so"
    assert "name ? here" in (await admin.log_page(log_id)).content


@pytest.mark.parametrize(
    ("handler", "params", "kept"),
    [("quiet", "", False), ("only-errors", "", False), ("only-errors", "no rows", True)],
)
async def test_a_log_is_kept_as_its_handler_wants(
    admin: FakeAdmin, app: ExecutorApp, handler: str, params: str, kept: bool
) -> None:
    log_id = await admin.trigger(handler, params)
    await admin.finished(log_id)
    content = (await admin.log_page(log_id)).content

    assert ("said" in content) is kept
    assert ("no log is kept here" in content) is not kept
    assert ("its handler keeps no log of it" in content) is not kept


async def test_a_run_may_claim_any_time(app: ExecutorApp) -> None:
    for log_id, when_ms in enumerate([2**63 - 1, -(2**63), 0], start=1):
        body = a_trigger(log_id, "echo", "done", logDateTime=when_ms)
        assert (await post(app.url() + "/run", body)).code == 200
        await until(lambda: not app.dispatcher.is_busy("default", 1))
        log = {"logId": log_id, "logDateTime": when_ms, "fromLineNum": 1}
        reply = await post(app.url() + "/log", log)
        assert "job execute end, succeeded" in reply.payload["logContent"]


async def test_days_that_are_too_old_are_dropped(admin: FakeAdmin, tmp_path: Path) -> None:
    folder = tmp_path / "data" / "logs"
    today = moment(SystemClock().now_ms())
    writer = LogWriter(folder)
    for age in (1, 3, 4, 400):
        when = today - timedelta(days=age)
        writer.append([Chunk("default", 1, round(when.timestamp() * 1000), 1, 1, "old\n")])
    writer.close()
    async with an_executor(tmp_path, admin, logs__keep_days=3):
        await until(lambda: len(days(folder)) == 2)

    kept = [(today - timedelta(days=age)).date() for age in (3, 1)]
    assert days(folder) == kept
