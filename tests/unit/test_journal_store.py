"""What the journal's file remembers, and what it says is owed."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from executor import sqlite
from executor.dead_letters import dead_letters, revive
from executor.errors import StartRefused
from executor.journal_store import (
    Answer,
    Batch,
    JournalStore,
    decode_trigger,
    encode_trigger,
)
from executor.model import LOCAL, BlockStrategy, RunState, Script, Source, Trigger

TRIGGER = Trigger(cluster="main", log_id=1, triggered_ms=1_795_392_000_000, job_id=7)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


@pytest.fixture
def store(path: Path) -> Iterator[JournalStore]:
    store = JournalStore(path, full_sync=False)
    yield store
    store.close()


def accept(
    store: JournalStore,
    run_id: int,
    state: RunState = RunState.QUEUED,
    *,
    record: int = 0,
    **changes: Any,
) -> Answer:
    (answer,) = store.commit(Batch(accepts=[row(run_id, state, record=record, **changes)]))
    return answer


def row(run_id: int, state: RunState, *, record: int = 0, **changes: Any) -> tuple[Any, ...]:
    trigger = replace(TRIGGER, **{"log_id": run_id, **changes})
    identity = (trigger.cluster, trigger.log_id, trigger.triggered_ms)
    text = encode_trigger(trigger)
    return (run_id, *identity, state, run_id, 5, None, None, text, "", 1, record)


def finish(store: JournalStore, run_id: int, revision: int, *, record: int = 0) -> None:
    finished = (RunState.SUCCEEDED, revision, 6, 7, "done", record, run_id)
    store.commit(Batch(finishes=[finished]))


def test_a_new_trigger_is_told_from_one_that_is_known(store: JournalStore) -> None:
    assert accept(store, 1).state is None
    finish(store, 1, 10)

    assert accept(store, 2, log_id=1) == Answer(RunState.SUCCEEDED, "done")
    assert store.next_ids() == (2, 11)


@pytest.mark.parametrize("accepted_again", [True, False])
def test_the_end_of_a_local_run_that_is_asked_for_again_is_owed_again(
    store: JournalStore, accepted_again: bool
) -> None:
    for run_id, cluster in ((1, LOCAL), (2, "main")):
        accept(store, run_id, record=1, cluster=cluster)
        finish(store, run_id, 10 + run_id, record=1)
        store.commit(Batch(recorded=[(run_id, 10 + run_id)], taken=[(run_id,)]))
    assert store.owed_records(10) == []

    for log_id, cluster in ((1, LOCAL), (2, "main")):
        if accepted_again:
            accept(store, 5, record=1, log_id=log_id, cluster=cluster)
        else:
            store.known(replace(TRIGGER, log_id=log_id, cluster=cluster), record=1)

    (owed,) = store.owed_records(10)
    assert (owed.run_id, owed.state, owed.ended_ms) == (1, RunState.SUCCEEDED, 7)
    assert owed.trigger == replace(TRIGGER, cluster=LOCAL)


def test_what_is_owed_to_a_cluster_that_is_not_known_becomes_a_dead_letter(
    store: JournalStore, path: Path
) -> None:
    for run_id, cluster in enumerate(("gone", "gone", "here", "here"), start=1):
        accept(store, run_id, cluster=cluster)
    finish(store, 1, 10)
    finish(store, 3, 11)

    assert store.disown(["here"]) == {"gone": 2}
    finish(store, 2, 12)
    assert [letter.run_id for letter in dead_letters(path)] == [1, 2]
    assert "no Admin cluster" in dead_letters(path)[0].refusal
    assert [one.run_id for one in store.owed_callbacks("here", 10)] == [3]
    assert store.owed_callbacks("gone", 10) == []
    assert store.disown(["here"]) == {}

    assert revive(path, [1, 2]) == 2
    assert [one.run_id for one in store.owed_callbacks("gone", 10)] == [1, 2]


def test_new_and_known_triggers_of_one_commit_are_told_apart(store: JournalStore) -> None:
    accept(store, 1)
    batch = Batch(accepts=[row(n, RunState.QUEUED, log_id=n % 2 + 1) for n in (2, 3, 4)])

    assert [answer.state for answer in store.commit(batch)] == [
        RunState.QUEUED,  # log id 1 is there already
        None,
        RunState.QUEUED,
    ]


def test_nothing_of_a_commit_that_fails_is_there(store: JournalStore) -> None:
    bad = (*row(2, RunState.QUEUED)[:-1], None)  # `record` must not be null
    with pytest.raises(sqlite.Error):
        store.commit(Batch(accepts=[row(1, RunState.QUEUED), bad]))
    with pytest.raises(sqlite.Error):
        store.commit(Batch(finishes=[(None, 1, 1, 1, "", 0, 1)], accepts=[row(1, RunState.QUEUED)]))

    assert store.open_runs() == []
    assert accept(store, 1).state is None


def test_open_runs_are_those_that_have_not_ended_oldest_first(store: JournalStore) -> None:
    for run_id in (1, 2, 3):
        accept(store, run_id)
    store.commit(Batch(starts=[(20, 6, 2, 0, 3)]))
    finish(store, 2, 21)
    accept(store, 4, RunState.DISCARDED)

    reports = store.open_runs()
    assert [(r.run_id, r.state, r.restarts) for r in reports] == [
        (1, RunState.QUEUED, 0),
        (3, RunState.RUNNING, 2),
    ]
    assert reports[0].trigger == TRIGGER


def test_callbacks_are_owed_in_the_order_of_the_endings(store: JournalStore) -> None:
    for run_id in (1, 2, 3):
        accept(store, run_id)
    for revision, run_id in enumerate((3, 1, 2), start=10):
        finish(store, run_id, revision)
    store.commit(Batch(taken=[(3,)]))

    assert [owed.run_id for owed in store.owed_callbacks("main", 10)] == [1, 2]
    assert [owed.run_id for owed in store.owed_callbacks("main", 1)] == [1]
    assert store.owed_callbacks("other", 10) == []


def test_a_callback_that_is_refused_is_a_dead_letter_until_it_is_revived(
    store: JournalStore, path: Path
) -> None:
    accept(store, 1)
    finish(store, 1, 10)
    store.commit(Batch(refused=[("no such log", 1)]))

    assert store.owed_callbacks("main", 10) == []
    (letter,) = dead_letters(path)
    assert (letter.run_id, letter.message, letter.refusal) == (1, "done", "no such log")
    assert revive(path, [1, 99]) == 1
    assert [owed.run_id for owed in store.owed_callbacks("main", 10)] == [1]
    assert dead_letters(path) == []


def test_a_log_id_that_is_given_to_another_run_silences_the_older_ones(
    store: JournalStore, path: Path
) -> None:
    accept(store, 1, log_id=5, triggered_ms=1)
    accept(store, 2, log_id=5, triggered_ms=2)
    accept(store, 3, log_id=5, triggered_ms=2, cluster="other")
    finish(store, 1, 10)
    finish(store, 2, 11)

    assert [owed.run_id for owed in store.owed_callbacks("main", 10)] == [2]
    assert [letter.run_id for letter in dead_letters(path)] == [1]
    assert revive(path, [1]) == 0


def test_of_two_runs_of_a_log_id_in_one_commit_the_later_is_called_back(
    store: JournalStore,
) -> None:
    rows = [row(n, RunState.QUEUED, log_id=5, triggered_ms=n) for n in (1, 2)]
    store.commit(Batch(accepts=rows))
    finish(store, 1, 10)
    finish(store, 2, 11)

    assert [owed.run_id for owed in store.owed_callbacks("main", 10)] == [2]


@pytest.mark.parametrize("cluster", ["main", "other"])
def test_what_came_before_the_journal_was_opened_is_silenced_by_its_log_id_too(
    path: Path, cluster: str
) -> None:
    store = JournalStore(path, full_sync=False)
    accept(store, 1, log_id=9, cluster="other")
    accept(store, 2, log_id=3, cluster=cluster)
    finish(store, 2, 10)
    store.close()

    store = JournalStore(path, full_sync=False)
    accept(store, 3, log_id=3, triggered_ms=TRIGGER.triggered_ms + 1, cluster=cluster)
    finish(store, 3, 11)
    assert [one.run_id for one in store.owed_callbacks(cluster, 10)] == [3]
    assert [letter.run_id for letter in dead_letters(path)] == [2]
    store.close()


def test_an_index_of_an_older_version_goes_and_an_older_version_still_opens_the_file(
    path: Path,
) -> None:
    JournalStore(path, full_sync=False).close()
    with closing(sqlite.connect(path)) as db:
        db.execute("CREATE INDEX run_open ON run (id) WHERE state IN ('queued', 'running')")

    JournalStore(path, full_sync=False).close()
    with closing(sqlite.connect(path)) as db:
        names = {name for (name,) in db.execute("SELECT name FROM sqlite_schema")}
        assert "run_open" not in names
        assert "run_identity" in names
        assert db.execute("PRAGMA user_version").get == 2


def test_a_repeat_of_an_older_run_takes_nothing_from_the_newer(store: JournalStore) -> None:
    accept(store, 1, log_id=5, triggered_ms=1)
    accept(store, 2, log_id=5, triggered_ms=2)
    accept(store, 3, log_id=5, triggered_ms=1)
    finish(store, 2, 10)

    assert [owed.run_id for owed in store.owed_callbacks("main", 10)] == [2]


def test_a_record_is_owed_until_its_latest_change_is_taken(store: JournalStore) -> None:
    accept(store, 1, record=1)
    (queued,) = store.owed_records(10)
    finish(store, 1, 10, record=1)
    store.commit(Batch(recorded=[(1, queued.revision)]))  # comes late

    (ended,) = store.owed_records(10)
    assert (ended.state, ended.message) == (RunState.SUCCEEDED, "done")
    store.commit(Batch(recorded=[(1, ended.revision)]))
    assert store.owed_records(10) == []


@pytest.mark.parametrize("order", [("taken", "recorded"), ("recorded", "taken")])
def test_what_one_receiver_has_taken_the_other_still_gets_whole(
    store: JournalStore, order: tuple[str, str]
) -> None:
    accept(store, 1, record=1)
    finish(store, 1, 10, record=1)
    done = {"taken": Batch(taken=[(1,)]), "recorded": Batch(recorded=[(1, 10)])}
    store.commit(done[order[0]])

    if order[0] == "taken":
        assert store.owed_records(10)[0].message == "done"
        assert store.owed_records(10)[0].trigger.job_id == TRIGGER.job_id
    else:
        assert store.owed_callbacks("main", 10)[0].message == "done"
    store.commit(done[order[1]])
    assert accept(store, 2, log_id=1).state is RunState.SUCCEEDED


def test_only_settled_runs_are_forgotten(store: JournalStore) -> None:
    for run_id in range(1, 6):
        accept(store, run_id, record=int(run_id == 4))
    for run_id in (1, 2, 4, 5):
        finish(store, run_id, 10 + run_id, record=int(run_id == 4))
    store.commit(Batch(taken=[(1,), (4,), (5,)]))

    assert store.forget_but(1) == 1  # 2 and 4 are owed, 3 is open, 5 is young
    assert accept(store, 11, log_id=1).state is None
    assert [accept(store, 20 + n, log_id=n).state for n in (2, 3, 4, 5)] == [
        RunState.SUCCEEDED,
        RunState.QUEUED,
        RunState.SUCCEEDED,
        RunState.SUCCEEDED,
    ]


def test_a_store_is_as_it_was_when_it_is_opened_again(path: Path) -> None:
    for run_id in (1, 2):
        store = JournalStore(path, full_sync=run_id == 2)
        assert len(store.open_runs()) == run_id - 1
        accept(store, run_id)
        store.close()


def test_two_services_do_not_share_a_journal(store: JournalStore, path: Path) -> None:
    with pytest.raises(StartRefused, match="used by another running executor"):
        JournalStore(path, full_sync=False)


def test_a_sqlite_that_could_lose_commits_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apsw, "sqlite_lib_version", lambda: "3.51.2")

    with pytest.raises(ImportError, match=r"SQLite 3\.51\.3 or later is needed, apsw has 3\.51\.2"):
        importlib.reload(sqlite)


def test_a_journal_of_another_version_is_refused(path: Path) -> None:
    JournalStore(path, full_sync=False).close()
    with closing(sqlite.connect(path)) as db:
        db.execute("PRAGMA user_version=99")

    with pytest.raises(StartRefused, match="another version"):
        JournalStore(path, full_sync=False)


def test_a_file_that_is_no_journal_is_refused_by_its_name(path: Path) -> None:
    path.write_bytes(b"something else" * 100)

    with pytest.raises(StartRefused, match=r"journal\.db cannot be used: file is not a database"):
        JournalStore(path, full_sync=False)
    path.unlink()
    JournalStore(path, full_sync=False).close()


TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
INT64 = st.integers(-(2**63), 2**63 - 1)


@given(
    st.builds(
        Trigger,
        cluster=TEXT,
        log_id=INT64,
        triggered_ms=INT64,
        job_id=INT64,
        handler=TEXT,
        params=TEXT,
        block=st.sampled_from(BlockStrategy),
        timeout_s=st.integers(0, 2**31),
        shard_index=st.integers(0, 9),
        shard_total=st.integers(1, 10),
        script=st.none() | st.builds(Script, language=TEXT, source=TEXT, version_ms=INT64),
        source=st.sampled_from(Source),
        scheduled_ms=INT64,
        attempt=st.integers(1, 9),
        parents=st.dictionaries(INT64, TEXT, max_size=3),
    )
)
def test_a_trigger_comes_out_of_the_journal_as_it_went_in(trigger: Trigger) -> None:
    assert decode_trigger(encode_trigger(trigger)) == trigger
