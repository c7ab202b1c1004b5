"""Admins that are away, slow, wrong or of another kind: nothing is lost, doubled or out of order."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from executor.app import ExecutorApp
from executor.dead_letters import dead_letters, revive
from executor.testing.fake_admin import FakeAdmin, Generation
from tests.integration.executor_handlers import GATES
from tests.integration.executor_service import LIMIT_S, a_trigger, an_executor, post, until

RUNS = 60
"""More than one call carries."""


@pytest.fixture
async def admin() -> AsyncIterator[FakeAdmin]:
    async with FakeAdmin(token="s3cret") as admin:
        yield admin


@pytest.fixture
async def app(admin: FakeAdmin, tmp_path: Path) -> AsyncIterator[ExecutorApp]:
    async with an_executor(tmp_path, admin) as app:
        yield app


async def ended(app: ExecutorApp, *jobs: int) -> None:
    await until(lambda: not any(app.dispatcher.is_busy("default", job) for job in jobs))


def order(admin: FakeAdmin, job_id: int) -> list[int]:
    """The log ids of the job's callbacks, as they came."""
    told = [callback["logId"] for callback in admin.callbacks]
    return [log_id for log_id in told if admin.rows[log_id].job_id == job_id]


@pytest.mark.parametrize("generation", [str(generation) for generation in Generation])
async def test_a_run_of_every_generation_is_called_back(generation: str, tmp_path: Path) -> None:
    async with FakeAdmin(generation, token="s3cret") as admin, an_executor(tmp_path, admin):
        row = await admin.finished(await admin.trigger("echo", "<b>say & done</b>"))
        page = await admin.log_page(row.log_id)

    assert (row.trigger_code, row.handle_code) == (200, 200)
    assert row.handle_msg == "&lt;b&gt;say &amp; done&lt;/b&gt;"
    assert page.is_end
    assert "job execute start, handler [echo]" in page.content


FAULTS: list[dict[str, Any]] = [
    {"fault": "unreachable"},
    {"fault": "http_status", "status": 500},
    {"fault": "http_status", "status": 404},
    {"fault": "login_page"},
    {"fault": "wrong_token"},
    {"fault": "refuse", "message": "database is away"},
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda f: f"{f['fault']}-{f.get('status', '')}")
async def test_results_wait_for_an_admin_and_go_out_once_and_in_order(
    admin: FakeAdmin, app: ExecutorApp, fault: dict[str, Any]
) -> None:
    address = app.url()
    async with admin.fault(**fault):
        ids = [
            await admin.trigger("echo", str(n), job_id=n % 3, address=address) for n in range(RUNS)
        ]
        await ended(app, 0, 1, 2)
        assert admin.callbacks == []
    for log_id in ids:
        assert (await admin.finished(log_id, 60)).handle_code == 200

    assert len(admin.callbacks) == RUNS
    for job_id in range(3):
        assert order(admin, job_id) == ids[job_id::3]


@pytest.mark.parametrize("fault", ["slow", "drop"])
async def test_an_answer_that_never_comes_costs_a_repetition_and_no_result(
    admin: FakeAdmin, app: ExecutorApp, fault: str
) -> None:
    async with admin.fault(fault, seconds=30):
        log_id = await admin.trigger("echo", "first", address=app.url())
        await until(lambda: admin.callbacks)
    other = await admin.trigger("echo", "second", address=app.url())
    await admin.finished(other, 60)

    assert {c["handleMsg"] for c in admin.callbacks if c["logId"] == log_id} == {"first"}
    assert [c["logId"] for c in admin.callbacks][-1] == other
    assert admin.rows[log_id].handle_msg == "first"


async def test_handlers_go_on_while_the_admin_is_away(admin: FakeAdmin, app: ExecutorApp) -> None:
    async with admin.fault("unreachable"):
        log_id = await admin.trigger("echo", "done", address=app.url())
        await ended(app, 1)
        assert admin.rows[log_id].is_open
        assert (await admin.beat(app.url())).is_success
        assert "job execute end, succeeded" in (await admin.log_page(log_id)).content


async def test_results_outlive_a_stop_while_the_admin_is_away(
    admin: FakeAdmin, tmp_path: Path
) -> None:
    async with an_executor(tmp_path, admin) as app:
        await admin.set_fault("http_status")
        log_id = await admin.trigger("echo", "kept", address=app.url())
        await ended(app, 1)
    await admin.clear_fault()
    async with an_executor(tmp_path, admin):
        assert (await admin.finished(log_id)).handle_msg == "kept"
    assert len(admin.callbacks) == 1


async def test_one_result_that_an_admin_refuses_does_not_keep_the_others(
    admin: FakeAdmin, app: ExecutorApp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = admin._api
    fits = api._fits

    def fits_unless_poisoned(entry: Any) -> bool:
        return fits(entry) and "poison" not in str(entry.get("handleMsg"))

    monkeypatch.setattr(type(api), "_fits", lambda _, entry: fits_unless_poisoned(entry))
    async with admin.fault("http_status"):
        texts = [f"good {n}" for n in range(20)]
        texts[7] = "poison"
        ids = [await admin.trigger("echo", text, address=app.url()) for text in texts]
        await ended(app, 1)
    good = [log_id for log_id, text in zip(ids, texts, strict=True) if text != "poison"]
    for log_id in good:
        await admin.finished(log_id, 60)

    assert [c["logId"] for c in admin.callbacks] == good
    assert dead_letters(tmp_path / "data" / "journal.db") == []
    async with asyncio.timeout(60):
        while len(owed := await app.journal.owed_callbacks("default", 50)) > 1:
            pass  # the last are being noted as taken
    assert [one.log_id for one in owed] == [ids[7]]


async def test_a_jump_of_the_clock_gives_no_result_up(
    admin: FakeAdmin, app: ExecutorApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused() -> int:
        return sum(request.path.endswith("callback") for request in admin.requests)

    time_ns = time.time_ns
    run = await admin.trigger("echo", "on")
    await admin.finished(run)
    async with admin.fault("refuse"):
        run = await admin.trigger("echo", "on")
        before = refused()
        await until(lambda: refused() > before + 1, "refusals")
        monkeypatch.setattr(time, "time_ns", lambda: time_ns() + 25 * 3600 * 10**9)
        before = refused()
        await until(lambda: refused() > before + 2, "refusals after the jump")

    assert (await admin.finished(run, LIMIT_S)).handle_msg == "on"


async def test_runs_that_no_admin_asked_for_are_owed_to_none_that_comes_later(
    tmp_path: Path,
) -> None:
    async with an_executor(tmp_path) as app:
        await post(app.url() + "/run", a_trigger(77, "echo", "by curl"))
        await ended(app, 1)
    async with FakeAdmin() as admin:
        row = admin.rows.opened(77, 1, at_ms=0)
        async with an_executor(tmp_path, admin):
            await admin.finished(await admin.trigger("echo", "its own", log_id=78))

    assert [callback["logId"] for callback in admin.callbacks] == [78]
    assert row.handle_code == 0


async def test_what_is_owed_to_a_cluster_that_was_renamed_is_a_dead_letter(tmp_path: Path) -> None:
    journal = tmp_path / "data" / "journal.db"
    async with FakeAdmin() as admin:
        async with an_executor(tmp_path, admin) as app:
            await admin.set_fault("unreachable")
            log_id = await admin.trigger("echo", "kept", address=app.url())
            await ended(app, 1)
        await admin.clear_fault()
        renamed = json.dumps([{"name": "erp", "addresses": [admin.url]}])
        with capture_logs() as events:
            async with an_executor(tmp_path, admins=renamed):
                assert [letter.log_id for letter in dead_letters(journal)] == [log_id]
        assert {"cluster": "default", "results": 1}.items() <= events[0].items()
        revive(journal, [letter.run_id for letter in dead_letters(journal)])
        async with an_executor(tmp_path, admin):
            assert (await admin.finished(log_id)).handle_msg == "kept"


async def test_clusters_of_different_generations_are_told_apart_by_their_prefix(
    tmp_path: Path,
) -> None:
    async with AsyncExitStack() as stack:
        old = await stack.enter_async_context(FakeAdmin("2.4", token="old token"))
        new = await stack.enter_async_context(FakeAdmin("3.5", token="new token"))
        admins = [
            {"name": name, "addresses": [admin.url], "access_token": admin._api.token}
            for name, admin in (("old", old), ("new", new))
        ]
        app = await stack.enter_async_context(an_executor(tmp_path, admins=json.dumps(admins)))
        assert await old.registered() == app.url("/old")
        assert await new.registered() == app.url("/new")

        for text in ("one", "two"):  # the same log ids at both
            rows = [
                await a.finished(await a.trigger("echo", text + a.generation)) for a in (old, new)
            ]
            assert [row.handle_msg for row in rows] == [f"{text}2.4", f"{text}3.5"]
            assert len({row.log_id for row in rows}) == 1
            page = await new.log_page(rows[1].log_id)
            assert f"params [{text}3.5]" in page.content

        crossed = await post(app.url("/new/beat"), token="old token")
        assert crossed.message == "The access token is wrong."
        bare = await post(app.url("/run"), {}, token="old token")
        assert bare.message == "invalid request, uri-mapping(/run) not found."


async def test_a_cluster_that_is_away_does_not_hold_up_another(tmp_path: Path) -> None:
    async with FakeAdmin() as here, FakeAdmin() as away:
        admins = [{"name": n, "addresses": [a.url]} for n, a in (("here", here), ("away", away))]
        async with an_executor(tmp_path, admins=json.dumps(admins)):
            await here.registered()
            await away.registered()
            async with away.fault("unreachable"):
                waiting = await away.trigger("echo", "later")
                assert (await here.finished(await here.trigger("echo", "now"))).handle_msg == "now"
                assert away.rows[waiting].is_open
            assert (await away.finished(waiting, 60)).handle_msg == "later"


async def test_an_admin_that_is_upgraded_is_served_without_a_restart(
    admin: FakeAdmin, app: ExecutorApp
) -> None:
    for generation in ("2.4", "3.4", "3.5", "2.4"):
        admin.upgrade(generation)
        log_id = await admin.trigger("echo", generation, address=app.url())
        assert (await admin.finished(log_id, 60)).handle_msg == generation


async def test_the_other_admin_of_a_cluster_is_told_when_one_is_away(tmp_path: Path) -> None:
    async with FakeAdmin() as first, FakeAdmin() as second, an_executor(tmp_path, first, second):
        gate = tmp_path.name
        log_id = await first.trigger("gate", gate)
        second.rows.opened(log_id, 1, at_ms=0)
        async with first.fault("unreachable"):
            GATES[gate].set()
            assert (await second.finished(log_id)).handle_msg == gate
