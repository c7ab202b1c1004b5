"""`kill -9`: every accepted run still has exactly one result."""

from __future__ import annotations

import asyncio
import json
import random
import socket
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from executor.recovery import INTERRUPTED, MOST_RESTARTS
from executor.testing.fake_admin import FakeAdmin
from tests.integration.executor_service import LIMIT_S, Service, post, until

ROUNDS = 4
PER_ROUND = 120
"""Runs that were accepted when the service is killed."""


@pytest.fixture
async def admin() -> AsyncIterator[FakeAdmin]:
    async with FakeAdmin("3.4", token="s3cret") as admin:
        yield admin


@pytest.fixture
async def service(admin: FakeAdmin, tmp_path: Path) -> AsyncIterator[Service]:
    async with Service(tmp_path, admin) as service:
        yield service


def marks(file: Path) -> list[int]:
    return [int(line) for line in file.read_text().split()] if file.exists() else []


def gate_params(folder: Path) -> str:
    return json.dumps({"mark": str(folder / "mark"), "until": str(folder / "open")})


def accepted(admin: FakeAdmin) -> list[int]:
    return [row.log_id for row in admin.rows.values() if row.trigger_code == 200]


async def taken(admin: FakeAdmin, count: int) -> None:
    await until(lambda: len(accepted(admin)) >= count, f"{count} runs are accepted")


async def marked(mark: Path, count: int) -> None:
    await until(lambda: len(marks(mark)) >= count, f"{count} executions")


async def logged(admin: FakeAdmin, log_id: int, text: str) -> None:
    """Look until the run's log, on the disk, has *text*."""
    async with asyncio.timeout(LIMIT_S):
        while text not in (await admin.log_page(log_id)).content:
            pass


async def load(admin: FakeAdmin, service: Service, mark: Path, jobs: random.Random) -> None:
    """Trigger without end."""
    while True:
        handler = jobs.choice(["mark", "mark", "mark-again", "echo"])
        block = jobs.choice(["SERIAL_EXECUTION", "SERIAL_EXECUTION", "COVER_EARLY"])
        job_id = jobs.randrange(1, 20)
        address = service.url
        await admin.trigger(handler, str(mark), job_id=job_id, block=block, address=address)


async def test_every_accepted_run_has_one_result_however_often_the_service_is_killed(
    admin: FakeAdmin, service: Service, tmp_path: Path
) -> None:
    mark, jobs = tmp_path / "mark", random.Random(7)
    for _ in range(ROUNDS):
        goal = len(accepted(admin)) + PER_ROUND
        callers = [asyncio.create_task(load(admin, service, mark, jobs)) for _ in range(8)]
        await taken(admin, goal)
        await service.kill_9()
        for caller in callers:
            caller.cancel()
        await asyncio.gather(*callers, return_exceptions=True)
        await service.start()
    await admin.until(lambda: not any(admin.rows[i].is_open for i in accepted(admin)), LIMIT_S)

    told: defaultdict[int, set[tuple[int, str]]] = defaultdict(set)
    for callback in admin.callbacks:
        told[callback["logId"]].add((callback["handleCode"], callback["handleMsg"]))
    assert [i for i in accepted(admin) if len(told[i]) != 1] == []
    states = Counter(row.handle_code for row in admin.rows.values())
    assert states[200] > ROUNDS * PER_ROUND / 3


async def test_no_run_is_executed_twice_unless_it_may_be(
    admin: FakeAdmin, service: Service, tmp_path: Path
) -> None:
    mark = tmp_path / "mark"
    caller = asyncio.create_task(_mark_without_end(admin, service, mark))
    for more in (60, 120):
        await marked(mark, more)
        await service.kill_9()
        await service.start()
    caller.cancel()
    await asyncio.gather(caller, return_exceptions=True)
    await admin.until(lambda: not any(admin.rows[i].is_open for i in accepted(admin)), LIMIT_S)

    assert max(Counter(marks(mark)).values()) == 1
    succeeded = [row.log_id for row in admin.rows.values() if row.handle_code == 200]
    assert set(succeeded) <= set(marks(mark))


async def _mark_without_end(admin: FakeAdmin, service: Service, mark: Path) -> None:
    for n in range(1_000_000):
        await admin.trigger("mark", str(mark), job_id=n % 5, address=service.url)


async def test_what_was_killed_stays_killed_whatever_dies_after_the_answer(
    admin: FakeAdmin, service: Service, tmp_path: Path
) -> None:
    params = gate_params(tmp_path)
    runs = [await admin.trigger("deaf-gate-again", params, address=service.url) for _ in range(2)]
    await until(lambda: marks(tmp_path / "mark") == [runs[0]])
    assert (await post(service.url + "/kill", {"jobId": 1}, token="s3cret")).code == 200
    await service.kill_9()
    (tmp_path / "open").touch()
    await service.start()

    rows = [await admin.finished(log_id, LIMIT_S) for log_id in runs]
    assert [row.handle_msg for row in rows] == [
        "scheduling center kill job. [job running, killed]",
        "scheduling center kill job. [job not executed, in the job queue, killed.]",
    ]
    assert marks(tmp_path / "mark") == [runs[0]]


async def test_what_was_covered_stays_covered_whatever_dies_after_the_answer(
    admin: FakeAdmin, service: Service, tmp_path: Path
) -> None:
    params = gate_params(tmp_path)
    covered = await admin.trigger("deaf-gate-again", params, address=service.url)
    await until(lambda: marks(tmp_path / "mark") == [covered])
    covering = await admin.trigger(
        "deaf-gate-again", params, block="COVER_EARLY", address=service.url
    )
    await service.kill_9()
    (tmp_path / "open").touch()
    await service.start()

    row = await admin.finished(covered, LIMIT_S)
    assert row.handle_msg == "block strategy effect：Cover Early [job running, killed]"
    assert (await admin.finished(covering, LIMIT_S)).handle_msg == "found"
    assert marks(tmp_path / "mark") == [covered, covering]


async def test_what_was_covered_stays_covered_though_the_covering_run_was_killed(
    admin: FakeAdmin, service: Service, tmp_path: Path
) -> None:
    params = gate_params(tmp_path)
    covered = await admin.trigger("deaf-gate-again", params, address=service.url)
    await until(lambda: marks(tmp_path / "mark") == [covered])
    await admin.trigger("deaf-gate-again", params, block="COVER_EARLY", address=service.url)
    assert (await post(service.url + "/kill", {"jobId": 1}, token="s3cret")).code == 200
    await service.kill_9()
    (tmp_path / "open").touch()
    await service.start()

    row = await admin.finished(covered, LIMIT_S)
    assert row.handle_msg == "block strategy effect：Cover Early [job running, killed]"
    assert marks(tmp_path / "mark") == [covered]


async def test_what_ran_is_reported_as_interrupted_and_what_waited_runs(
    admin: FakeAdmin, service: Service, tmp_path: Path
) -> None:
    params = gate_params(tmp_path)
    running, waiting = [
        await admin.trigger("file-gate", params, address=service.url) for _ in range(2)
    ]
    await until(lambda: marks(tmp_path / "mark") == [running])
    await logged(admin, running, "job execute start")
    await service.kill_9()
    (tmp_path / "open").touch()
    await service.start()

    row = await admin.finished(running, LIMIT_S)
    assert (row.handle_code, row.handle_msg) == (500, INTERRUPTED)
    assert (await admin.finished(waiting, LIMIT_S)).handle_msg == "found"
    assert marks(tmp_path / "mark") == [running, waiting]
    first, last = (await admin.log_page(running)).content.splitlines()
    assert "job execute start" in first
    assert INTERRUPTED in last


async def test_a_run_that_may_is_run_again_but_not_for_ever(
    admin: FakeAdmin, service: Service, tmp_path: Path
) -> None:
    mark, params = tmp_path / "mark", gate_params(tmp_path)
    log_id = await admin.trigger("file-gate-again", params, address=service.url)
    for times in range(1, MOST_RESTARTS + 2):
        await marked(mark, times)
        await service.kill_9()
        await service.start()
    row = await admin.finished(log_id, LIMIT_S)

    assert row.handle_code == 500
    assert "died 4 times while this was running" in (row.handle_msg or "")
    assert marks(mark) == [log_id] * (MOST_RESTARTS + 1)


async def test_a_start_that_fails_begins_none_of_the_runs_that_waited(
    admin: FakeAdmin, service: Service, tmp_path: Path
) -> None:
    params = gate_params(tmp_path)
    running, waiting = [
        await admin.trigger("file-gate", params, address=service.url) for _ in range(2)
    ]
    await until(lambda: marks(tmp_path / "mark") == [running])
    await service.kill_9()
    (tmp_path / "open").touch()
    with socket.create_server(("127.0.0.1", service.port)):
        await service.launch()
        assert await service.exit_code() == 2
    assert marks(tmp_path / "mark") == [running]

    await service.start()
    assert (await admin.finished(waiting, LIMIT_S)).handle_msg == "found"


async def test_waiting_runs_are_called_back_where_they_shall_not_run_later(
    admin: FakeAdmin, tmp_path: Path
) -> None:
    async with Service(tmp_path, admin, executor__after_crash="fail") as service:
        params = gate_params(tmp_path)
        running, waiting = [
            await admin.trigger("file-gate", params, address=service.url) for _ in range(2)
        ]
        await until(lambda: marks(tmp_path / "mark") == [running])
        await service.kill_9()
        await service.start()

        row = await admin.finished(waiting, LIMIT_S)
        assert (row.handle_code, row.handle_msg) == (
            500,
            "the executor died before this could run, and is set not to run it later",
        )
    assert marks(tmp_path / "mark") == [running]


async def test_a_process_that_a_handler_has_forked_off_keeps_nobody_from_starting_again(
    admin: FakeAdmin, service: Service
) -> None:
    await admin.registered()
    row = await admin.finished(await admin.trigger("fork"))
    forked = psutil.Process(int(row.handle_msg or 0))
    try:
        await service.kill_9()
        await service.start()

        assert forked.is_running()
    finally:
        forked.kill()


async def test_a_process_that_a_handler_has_forked_off_keeps_no_run_alive(
    admin: FakeAdmin, service: Service, tmp_path: Path
) -> None:
    await admin.registered()
    told = tmp_path / "pid"
    await admin.trigger("process-gate", str(told), job_id=2)
    await until(lambda: told.exists() and told.read_text(), "the run in a process")
    running = psutil.Process(int(told.read_text()))
    row = await admin.finished(await admin.trigger("fork"))
    forked = psutil.Process(int(row.handle_msg or 0))
    try:
        await service.kill_9()

        await asyncio.to_thread(running.wait, LIMIT_S)
        assert forked.is_running()
    finally:
        forked.kill()
