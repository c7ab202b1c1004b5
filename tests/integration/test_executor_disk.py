"""A disk that takes no more: new runs are refused with the reason, old ones keep their results."""

from __future__ import annotations

import asyncio
import json
import os
import resource
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import pytest

from executor.testing.fake_admin import FakeAdmin
from tests.integration.executor_service import LIMIT_S, Service, until

FULL = 1
"""Bytes that a file may grow to; more than there are in none."""


@pytest.fixture
async def admin() -> AsyncIterator[FakeAdmin]:
    async with FakeAdmin() as admin:
        yield admin


@pytest.fixture
async def service(admin: FakeAdmin, tmp_path: Path) -> AsyncIterator[Service]:
    async with Service(tmp_path, admin) as service:
        await admin.registered()
        yield service


def fill_disk(service: Service) -> tuple[int, int]:
    """Let no file of *service* grow from now on; the limits that were."""
    soft, hard = resource.prlimit(service.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(service.pid, resource.RLIMIT_FSIZE, (FULL, hard))
    return soft, hard


@contextmanager
def full_disk(service: Service) -> Iterator[None]:
    """No file of *service* can grow inside the block."""
    limits = fill_disk(service)
    try:
        yield
    finally:
        resource.prlimit(service.pid, resource.RLIMIT_FSIZE, limits)


async def a_running_run(admin: FakeAdmin, folder: Path) -> int:
    params = json.dumps({"mark": str(folder / "mark"), "until": str(folder / "open")})
    log_id = await admin.trigger("file-gate", params)
    await until(lambda: (folder / "mark").exists() and (folder / "mark").read_text())
    return log_id


async def test_new_runs_are_refused_and_the_results_of_old_ones_told_when_there_is_room(
    admin: FakeAdmin, service: Service, tmp_path: Path
) -> None:
    running = await a_running_run(admin, tmp_path)
    waiting = await admin.trigger("echo", "after it", job_id=1)
    with full_disk(service):
        refused = admin.rows[await admin.trigger("echo", job_id=2)]
        (tmp_path / "open").touch()
        again = admin.rows[await admin.trigger("echo", job_id=2)]
        for asked in (await admin.beat(), await admin.idle_beat(2)):  # so that routing passes it by
            assert asked.message.startswith("the journal cannot be written: ")
    assert (await admin.finished(running, LIMIT_S)).handle_msg == "found"
    assert (await admin.finished(waiting, LIMIT_S)).handle_msg == "after it"
    later = await admin.trigger("echo", "room again", job_id=2)

    assert (await admin.finished(later)).handle_msg == "room again"
    for row in (refused, again):
        assert row.trigger_code == 500
        assert row.trigger_msg.startswith("the journal cannot be written: ")
        assert row.is_open
    assert [c["logId"] for c in admin.callbacks] == [running, waiting, later]


async def test_the_beat_comes_back_with_the_room(admin: FakeAdmin, service: Service) -> None:
    with full_disk(service):
        refused = admin.rows[await admin.trigger("echo")]
        assert not (await admin.beat()).is_success

    async with asyncio.timeout(LIMIT_S):
        while not (await admin.beat()).is_success:
            pass
    assert refused.trigger_code == 500


async def test_a_refused_cover_kills_nothing(
    admin: FakeAdmin, service: Service, tmp_path: Path
) -> None:
    running = await a_running_run(admin, tmp_path)
    with full_disk(service):
        refused = await admin.trigger("echo", block="COVER_EARLY")
        assert admin.rows[refused].trigger_code == 500
    (tmp_path / "open").touch()

    assert (await admin.finished(running, LIMIT_S)).handle_msg == "found"


async def test_a_result_that_could_not_be_written_is_an_interruption_after_a_crash(
    admin: FakeAdmin, service: Service, tmp_path: Path
) -> None:
    running = await a_running_run(admin, tmp_path)
    fill_disk(service)
    (tmp_path / "open").touch()
    refused = await admin.trigger("echo", job_id=2)
    assert admin.rows[refused].trigger_code == 500
    await service.kill_9()
    await service.start()

    assert (await admin.finished(running, LIMIT_S)).handle_code == 500
    assert len(admin.callbacks) == 1


async def test_a_kill_on_a_full_disk_is_told_when_there_is_room(
    admin: FakeAdmin, service: Service, tmp_path: Path
) -> None:
    running = await a_running_run(admin, tmp_path)
    with full_disk(service):
        assert (await admin.kill(running)).is_success
        admin.rows[running].handle_code = 0
    row = await admin.finished(running, LIMIT_S)

    assert "scheduling center kill job." in str(row.handle_msg)


async def test_an_event_that_cannot_be_logged_stops_nothing(
    admin: FakeAdmin, service: Service, tmp_path: Path
) -> None:
    waiting = await admin.trigger("echo", "kept")
    await admin.finished(waiting)
    later = await a_running_run(admin, tmp_path)
    async with admin.fault("http_status"):
        (tmp_path / "open").touch()
        await until(lambda: "receiver_away" in service.errors.read_text())
        with full_disk(service):
            await admin.clear_fault()  # which is an event, too
            row = await admin.finished(later, LIMIT_S)
            assert row.handle_msg == "found"
    other = await admin.trigger("echo", "well again")
    assert (await admin.finished(other, LIMIT_S)).handle_msg == "well again"


async def test_what_is_on_disk_is_closed_to_other_users_also_what_was_open(
    admin: FakeAdmin, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    (data / "logs").mkdir(parents=True)
    old = data / "logs" / f"{date(2026, 1, 1)}.db"
    old.touch()
    for path, mode in ((data, 0o755), (data / "logs", 0o755), (old, 0o644)):
        path.chmod(mode)
    async with Service(tmp_path, admin, logs__keep_days=3650):
        await admin.registered()
        await admin.finished(await admin.trigger("echo"), LIMIT_S)
        await until(lambda: len([*(data / "logs").glob("*.db")]) > 1)

        modes = {path.name: path.stat().st_mode & 0o777 for path in data.rglob("*")}

    assert data.stat().st_mode & 0o777 == (0o700 if os.geteuid() else 0o711)
    assert modes.pop("logs") == 0o700
    kept = {name: mode for name, mode in modes.items() if name.startswith(("journal", "2"))}
    assert {"journal.db", "journal.db-wal", old.name} < kept.keys()
    assert set(kept.values()) == {0o600}
