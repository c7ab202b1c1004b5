"""Results on their way to an Admin that refuses some of them, by a clock that can be turned."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from admin_bridge import AdminCluster, ClusterConfig
from executor.callbacks import Callbacks
from executor.dead_letters import dead_letters
from executor.journal import Journal
from executor.journal_store import JournalStore
from executor.logstore import LogWriter
from executor.model import Result, RunState, Trigger
from executor.outbox import ReceiverUnavailable
from executor.refusals import PAUSES_MS
from executor.testing.fake_admin import FakeAdmin


class HandClock:
    def __init__(self) -> None:
        self.ms = 1_795_466_126_195

    def now_ms(self) -> int:
        return self.ms


class Desk:
    """The results of one executor, an Admin that may refuse them, and the clock."""

    def __init__(
        self, file: Path, journal: Journal, cluster: AdminCluster, admin: FakeAdmin
    ) -> None:
        self._file = file
        self.journal = journal
        self.admin = admin
        self.clock = HandClock()
        self.callbacks = Callbacks(journal, cluster, self.clock)
        self._log_ids = 0

    def end_run(self, message: str = "good") -> int:
        """End a run with *message*; its log id."""
        self._log_ids += 1
        ms = self.clock.ms
        trigger = Trigger(cluster="main", log_id=self._log_ids, triggered_ms=ms, job_id=1)
        run_id = self.journal.new_id()
        self.journal.accept(run_id, trigger, now_ms=ms, running=True, done=lambda _: None)
        result = Result(state=RunState.SUCCEEDED, message=message, started_ms=ms, ended_ms=ms)
        self.journal.finish(run_id, result)
        return self._log_ids

    @property
    def told(self) -> list[int]:
        return [callback["logId"] for callback in self.admin.callbacks]

    async def owed(self) -> list[int]:
        return [one.log_id for one in await self.journal.owed_callbacks("main", 1000)]

    async def dead(self) -> list[tuple[int, str]]:
        await self.journal.written()
        return [(letter.log_id, letter.refusal) for letter in dead_letters(self._file)]


@pytest.fixture
async def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    """An Admin that cannot read a result with `poison` in it."""
    async with FakeAdmin("2.4") as admin:
        fits = type(admin._api)._fits

        def fits_unless_poisoned(api: Any, entry: Any) -> bool:
            return fits(api, entry) and "poison" not in entry["handleMsg"]

        monkeypatch.setattr(type(admin._api), "_fits", fits_unless_poisoned)
        file = tmp_path / "journal.db"
        store = JournalStore(file, full_sync=False)
        journal = Journal(
            store, LogWriter(tmp_path / "logs"), remember=1000, records=False, called_back=["main"]
        )
        journal.start()
        config = ClusterConfig("main", (admin.url,), "", "qooerp-scheduler")
        cluster = AdminCluster(config)
        yield Desk(file, journal, cluster, admin)
        cluster.close()
        await journal.close()


async def test_a_refused_result_stays_owed_and_the_others_go_out_in_order(desk: Desk) -> None:
    texts = ["good"] * 120
    texts[0] = texts[7] = texts[60] = "poison"
    ids = [desk.end_run(text) for text in texts]
    while await desk.callbacks.deliver():
        pass

    poisoned = [ids[0], ids[7], ids[60]]
    assert desk.told == [log_id for log_id in ids if log_id not in poisoned]
    assert await desk.owed() == poisoned
    assert await desk.dead() == []


async def test_a_refused_result_is_not_tried_again_before_its_time(desk: Desk) -> None:
    desk.end_run("poison")
    desk.end_run()
    await desk.callbacks.deliver()
    asked = len(desk.admin.requests)
    for _ in range(3):
        assert not await desk.callbacks.deliver()
    assert len(desk.admin.requests) == asked

    desk.clock.ms += PAUSES_MS[0]
    await desk.callbacks.deliver()
    assert len(desk.admin.requests) > asked


async def test_a_refusal_that_passes_leaves_no_dead_letter(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = desk.end_run("poison")
    good = desk.end_run()
    await desk.callbacks.deliver()
    monkeypatch.undo()
    desk.clock.ms += PAUSES_MS[0]
    await desk.callbacks.deliver()

    assert desk.told == [good, late]
    assert await desk.owed() == []
    assert await desk.dead() == []


async def test_what_is_refused_each_time_while_others_pass_is_a_dead_letter(desk: Desk) -> None:
    poison = desk.end_run("poison")
    for pause_ms in (*PAUSES_MS, 0):
        desk.end_run()
        await desk.callbacks.deliver()
        assert bool(await desk.dead()) is not bool(pause_ms)
        desk.clock.ms += pause_ms

    ((log_id, refusal),) = await desk.dead()
    assert log_id == poison
    assert "wrong type" in refusal
    assert await desk.owed() == []


async def test_results_that_are_all_refused_wait_for_the_admin(desk: Desk) -> None:
    ids = [desk.end_run("poison") for _ in range(3)]
    for _ in range(5):
        with pytest.raises(ReceiverUnavailable, match="wrong type"):
            await desk.callbacks.deliver()
        desk.clock.ms += 3_600_000

    assert await desk.owed() == ids
    assert await desk.dead() == []


async def test_a_day_old_result_is_not_given_up_at_its_first_refusal(desk: Desk) -> None:
    log_id = desk.end_run("poison")
    desk.clock.ms += 3 * 24 * 3_600_000
    with pytest.raises(ReceiverUnavailable):
        await desk.callbacks.deliver()

    assert await desk.owed() == [log_id]


async def try_on(desk: Desk, rounds: int) -> None:
    """Deliver as the outbox does to an Admin that is away, every five seconds."""
    for _ in range(rounds):
        with contextlib.suppress(ReceiverUnavailable):
            while await desk.callbacks.deliver():
                pass
        desk.clock.ms += 5_000


async def test_more_refused_results_than_a_batch_holds_keep_up_no_others(desk: Desk) -> None:
    for _ in range(60):
        desk.end_run("poison")
    good = [desk.end_run() for _ in range(10)]
    await try_on(desk, 6)

    assert desk.told == good
    assert len(await desk.owed()) == 60


async def test_many_refused_results_become_dead_letters_as_one_does(desk: Desk) -> None:
    poisoned = [desk.end_run("poison") for _ in range(60)]
    for pause_ms in (*PAUSES_MS, 0):
        desk.end_run()
        await try_on(desk, 7)
        assert bool(await desk.dead()) is not bool(pause_ms)
        desk.clock.ms += pause_ms

    assert [log_id for log_id, _ in await desk.dead()] == poisoned
    assert await desk.owed() == []


async def test_an_admin_that_goes_on_refusing_all_is_not_asked_about_each(desk: Desk) -> None:
    for _ in range(50):
        desk.end_run("poison")
    await try_on(desk, 10)
    asked = len(desk.admin.requests)
    await try_on(desk, 1)

    assert len(desk.admin.requests) - asked < 50


async def test_old_results_that_are_refused_for_good_keep_up_none_that_are_no_longer(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(10):
        desk.end_run("poison")
    good = [desk.end_run() for _ in range(10)]
    with monkeypatch.context() as refusing_all:
        refusing_all.setattr(type(desk.admin._api), "_fits", lambda _api, _entry: False)
        await try_on(desk, 6)
    assert desk.told == []
    await try_on(desk, 6)

    assert sorted(desk.told) == good


async def test_results_go_out_in_order_to_an_admin_that_has_refused_them_all(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [desk.end_run() for _ in range(120)]
    with monkeypatch.context() as refusing_all:
        refusing_all.setattr(type(desk.admin._api), "_fits", lambda _api, _entry: False)
        await try_on(desk, 4)
    await try_on(desk, 1)

    assert desk.told == ids
