from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from executor.dead_letters import dead_letters
from executor.journal_store import Batch, JournalStore, encode_trigger
from executor.logstore import Chunk, LogWriter
from executor.model import Trigger
from executor.testing.fake_admin import FakeAdmin
from tests.acceptance.command import LIMIT_S, ROOT, line_with, say, started

NOON = int(datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp() * 1000)
DAY_MS = 86_400_000


@pytest.fixture
async def admin(tmp_path: Path) -> AsyncIterator[FakeAdmin]:
    """An Admin whose executor, the installed command, keeps its data in tmp_path."""
    async with FakeAdmin("2.4") as admin:
        words = ("executor", "--app-dir", ROOT)
        settings = {"executor__port": 0, "admin__addresses": admin.url}
        async with started(tmp_path, *words, **settings):
            await admin.registered(LIMIT_S)
            yield admin


def keep(
    folder: Path,
    log_id: int,
    lines: Iterable[str],
    *,
    at: int = NOON,
    cluster: str = "a",
    first: int = 1,
) -> None:
    """Write a part of the log of a run that has ended long ago."""
    text = [*lines]
    writer = LogWriter(folder / "data" / "logs")
    written = "".join(f"{one}\n" for one in text)
    writer.append([Chunk(cluster, log_id, at, first, len(text), written)])
    writer.close()


def refuse(folder: Path, *run_ids: int) -> Path:
    """Write a journal in which these runs are dead letters; its path."""
    journal = folder / "data" / "journal.db"
    store = JournalStore(journal, full_sync=False)
    for run_id in run_ids:
        trigger = Trigger(cluster="a", log_id=run_id, triggered_ms=NOON, job_id=1)
        row = (run_id, "a", run_id, NOON, "succeeded", run_id, NOON, NOON, NOON)
        owed = (*row, encode_trigger(trigger), "done", 2, 0)
        store.commit(Batch(accepts=[owed], refused=[("log item not found.", run_id)]))
    store.close()
    return journal


async def test_show_writes_the_log_of_a_run(admin: FakeAdmin, tmp_path: Path) -> None:
    log_id = await admin.trigger("sampleThread")
    await admin.finished(log_id)

    said = await say(tmp_path, "logs", "show", log_id)

    assert said.code == 0
    assert "step 3 of 3" in said.out


async def test_follow_goes_on_until_the_run_has_ended(admin: FakeAdmin, tmp_path: Path) -> None:
    log_id = await admin.trigger("sampleSlow")
    while not (await say(tmp_path, "logs", "show", log_id)).out:
        pass

    async with started(tmp_path, "logs", "show", log_id, "--follow") as follower:
        await line_with(follower.stdout, "sampleSlow")
        await admin.kill(log_id)
        await line_with(follower.stdout, "killed")

        assert await asyncio.wait_for(follower.wait(), LIMIT_S) == 0


async def test_tail_shows_the_last_lines(tmp_path: Path) -> None:
    keep(tmp_path, 5, [f"line {number}" for number in range(1, 101)])

    assert (await say(tmp_path, "logs", "show", 5, "--tail", 2)).out == "line 99\nline 100\n"


async def test_each_line_is_shown_once_and_lost_ones_are_named(tmp_path: Path) -> None:
    keep(tmp_path, 5, ["one", "two"])
    keep(tmp_path, 5, ["six"], first=6)

    said = await say(tmp_path, "logs", "show", 5)

    assert said.out == "one\ntwo\n… 3 lines from line 3 on are lost …\nsix\n"


async def test_the_newest_of_several_runs_is_shown_and_the_others_are_named(tmp_path: Path) -> None:
    keep(tmp_path, 5, ["the older"])
    keep(tmp_path, 5, ["the newer"], at=NOON + DAY_MS)

    said = await say(tmp_path, "logs", "show", 5)
    older = await say(tmp_path, "logs", "show", 5, "--date", "2026-03-01")

    assert said.out == "the newer\n"
    assert "2026-03-01" in said.err
    assert older.out == "the older\n"


async def test_a_log_id_of_two_admins_asks_for_the_cluster(tmp_path: Path) -> None:
    keep(tmp_path, 5, ["of a"])
    keep(tmp_path, 5, ["of b"], cluster="b")

    assert (await say(tmp_path, "logs", "show", 5)).code == 2
    assert (await say(tmp_path, "logs", "show", 5, "--cluster", "b")).out == "of b\n"


async def test_a_local_run_is_shown_by_the_id_that_the_api_gives_it(tmp_path: Path) -> None:
    keep(tmp_path, 5, ["of the Admin"])
    keep(tmp_path, 5, ["of our engine"], cluster="local")

    said = await say(tmp_path, "logs", "show", 5, "--cluster", "local")
    told = await say(tmp_path, "logs", "show", "--help")

    assert said.out == "of our engine\n"
    assert "adminLogId" in told.out


async def test_a_log_that_is_not_kept_is_a_failure(tmp_path: Path) -> None:
    said = await say(tmp_path, "logs", "show", 5)

    assert said.code == 1
    assert "no log of 5" in said.err


async def test_a_day_that_cannot_be_read_or_has_only_begun_hides_no_other(tmp_path: Path) -> None:
    folder = tmp_path / "a#b %20"
    keep(folder, 7, ["kept"])
    (folder / "data" / "logs" / "2026-03-02.db").write_text("no database at all")
    (folder / "data" / "logs" / "2026-03-03.db").touch()

    said = await say(folder, "logs", "show", "7")

    assert said.code == 0
    assert said.out == "kept\n"
    assert said.err.splitlines() == [
        f"{folder}/data/logs/2026-03-02.db cannot be read: file is not a database"
    ]


async def test_logs_lists_the_days(tmp_path: Path) -> None:
    keep(tmp_path, 1, ["a"])
    keep(tmp_path, 2, ["b"], at=NOON + DAY_MS)

    days = [line.split()[0] for line in (await say(tmp_path, "logs")).out.splitlines()]

    assert days == ["2026-03-01", "2026-03-02"]


async def test_dead_letters_are_listed_with_the_admins_words(tmp_path: Path) -> None:
    refuse(tmp_path, 7)

    said = await say(tmp_path, "logs", "dead")
    rows = json.loads((await say(tmp_path, "logs", "dead", "--json")).out)

    assert "log item not found." in said.out
    assert rows[0]["log_id"] == 7


async def test_a_dead_letter_is_sent_again_when_asked(tmp_path: Path) -> None:
    journal = refuse(tmp_path, 7, 8)

    said = await say(tmp_path, "logs", "dead", "--retry", 7)

    assert said.code == 0
    assert [letter.run_id for letter in dead_letters(journal)] == [8]


async def test_all_dead_letters_are_sent_again_when_asked(tmp_path: Path) -> None:
    journal = refuse(tmp_path, 7, 8)

    assert (await say(tmp_path, "logs", "dead", "--retry", "--all")).code == 0
    assert dead_letters(journal) == []


async def test_retrying_what_is_no_dead_letter_is_a_failure(tmp_path: Path) -> None:
    refuse(tmp_path, 7)

    said = await say(tmp_path, "logs", "dead", "--retry", 9)

    assert said.code == 1
    assert "9" in said.err
