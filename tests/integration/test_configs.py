"""Configs of jobs, on PostgreSQL."""

from __future__ import annotations

import asyncio
import json
import stat
from base64 import b64encode
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from scheduler.changes import CHANNEL
from scheduler.configs import MOST_KEYS, ConfigService, revealed
from scheduler.job_store import MASK
from scheduler.refusal import Conflict, Invalid, NotFound
from scheduler.secret_box import SecretBox, Unsealable
from tests.integration.engine_service import add_job

TABLE = "qooerp_scheduler.schedule_config"


@pytest.fixture
def secrets(tmp_path: Path) -> SecretBox:
    return SecretBox("", tmp_path / "data")


@pytest.fixture
def configs(engine: AsyncEngine, secrets: SecretBox) -> ConfigService:
    return ConfigService(engine, secrets)


@pytest.fixture
async def job(sql: asyncpg.Connection) -> int:
    return await add_job(sql)


@pytest.fixture
async def told(sql: asyncpg.Connection) -> AsyncIterator[asyncio.Queue[object]]:
    """What is announced."""
    heard: asyncio.Queue[object] = asyncio.Queue()
    await sql.add_listener(CHANNEL, lambda *message: heard.put_nowait(json.loads(message[3])))
    yield heard
    await sql.reset()


async def rows_of(sql: asyncpg.Connection, job: int) -> list[tuple[str, str, bool]]:
    query = f"SELECT config_key, config_value, secret FROM {TABLE} WHERE job_id = $1"
    return [(key, value, secret) for key, value, secret in await sql.fetch(query, job)]


async def test_a_config_is_added_then_changed_then_deleted(
    configs: ConfigService, job: int
) -> None:
    added = await configs.set(job, "target", "/a", description="where to")
    changed = await configs.set(job, "target", "/b")
    assert await configs.of_job(job) == [changed]
    await configs.delete(job, "target")

    assert (added.key, added.value, added.description) == ("target", "/a", "where to")
    assert (changed.value, changed.create_time) == ("/b", added.create_time)
    assert changed.update_time > added.update_time
    assert await configs.of_job(job) == []


async def test_configs_are_found_by_job_by_key_and_of_many_jobs(
    configs: ConfigService, sql: asyncpg.Connection
) -> None:
    one, two, bare = [await add_job(sql) for _ in range(3)]
    for job, key in ((one, "b"), (one, "a"), (two, "a")):
        await configs.set(job, key, f"{key} of {job}")

    assert [config.key for config in await configs.of_job(one)] == ["a", "b"]
    assert [config.value for config in await configs.by_key("a")] == [f"a of {one}", f"a of {two}"]
    many = await configs.many([two, bare, one])
    assert {job: [config.key for config in found] for job, found in many.items()} == {
        two: ["a"],
        bare: [],
        one: ["a", "b"],
    }


async def test_each_change_is_announced_and_audited_when_it_holds(
    configs: ConfigService, job: int, told: asyncio.Queue[object], sql: asyncpg.Connection
) -> None:
    await configs.set(job, "token", "hush", secret=True)
    await configs.delete(job, "token")

    for _ in range(2):
        assert await asyncio.wait_for(told.get(), 30) == {"kind": "config", "id": job}
    rows = await sql.fetch("SELECT action, subject, detail FROM qooerp_scheduler.schedule_audit")
    assert [(row["action"], row["subject"]) for row in rows] == [
        ("set", "config"),
        ("delete", "config"),
    ]
    assert "hush" not in str(rows)


async def test_a_secret_is_unreadable_in_the_table_and_masked_for_people(
    configs: ConfigService,
    job: int,
    sql: asyncpg.Connection,
    secrets: SecretBox,
) -> None:
    answer = await configs.set(job, "password", "hush", secret=True)

    kept = await sql.fetchval(f"SELECT config_value FROM {TABLE} WHERE secret")
    assert answer.value == MASK
    assert {config.value for config in await configs.of_job(job)} == {MASK}
    assert "hush" not in kept
    assert revealed(await rows_of(sql, job), job, secrets) == {"password": "hush"}


async def test_the_same_secret_looks_different_each_time(
    configs: ConfigService, job: int, sql: asyncpg.Connection
) -> None:
    for key in ("one", "two"):
        await configs.set(job, key, "hush", secret=True)

    kept = [row[0] for row in await sql.fetch(f"SELECT config_value FROM {TABLE}")]
    assert len({*kept}) == 2


async def test_a_secret_moved_to_another_row_does_not_open(
    configs: ConfigService, sql: asyncpg.Connection, secrets: SecretBox
) -> None:
    mine, yours = await add_job(sql), await add_job(sql)
    await configs.set(mine, "password", "hush", secret=True)
    await sql.execute(f"UPDATE {TABLE} SET job_id = $1", yours)

    rows = await rows_of(sql, yours)
    with pytest.raises(Unsealable):
        revealed(rows, yours, secrets)


async def test_a_secret_does_not_become_plain_by_a_change_that_does_not_say_so(
    configs: ConfigService, job: int, sql: asyncpg.Connection
) -> None:
    await configs.set(job, "password", "old", secret=True)
    changed = await configs.set(job, "password", "newer")

    assert changed.secret
    assert "newer" not in await sql.fetchval(f"SELECT config_value FROM {TABLE}")


async def test_what_is_not_there_is_a_lookup_error(configs: ConfigService, job: int) -> None:
    with pytest.raises(LookupError):
        await configs.delete(job, "nothing")
    with pytest.raises(NotFound):
        await configs.set(job + 1, "key", "value")


@pytest.mark.parametrize(
    ("key", "value", "field"),
    [
        ("", "x", "config_key"),
        ("a b", "x", "config_key"),
        ("ключ", "x", "config_key"),
        ("key\n", "x", "config_key"),
        ("k" * 129, "x", "config_key"),
        ("key", "x" * 65_536, "config_value"),
        ("key", "nul\0", "config_value"),
        ("key", MASK, "config_value"),
    ],
)
async def test_a_key_or_value_beyond_its_limits_is_refused_by_name(
    configs: ConfigService, job: int, key: str, value: str, field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        await configs.set(job, key, value)

    assert refused.value.field == field
    assert await configs.of_job(job) == []


async def test_the_limits_themselves_are_allowed(configs: ConfigService, job: int) -> None:
    config = await configs.set(job, "k" * 128, "值" * 65_535)

    assert await configs.of_job(job) == [config]


async def test_a_job_has_so_many_configs_and_no_more_also_when_they_come_at_once(
    configs: ConfigService, job: int, sql: asyncpg.Connection
) -> None:
    await sql.execute(
        f"INSERT INTO {TABLE} (job_id, config_key, config_value)"
        " SELECT $1, 'k' || n, '' FROM generate_series(1, $2::int) n",
        *(job, MOST_KEYS - 2),
    )

    outcomes = await asyncio.gather(
        *(configs.set(job, f"late{n}", "") for n in range(5)), return_exceptions=True
    )

    assert [type(outcome) for outcome in outcomes].count(Conflict) == 3
    assert len(await configs.of_job(job)) == MOST_KEYS


def test_a_key_of_its_own_is_made_once_for_its_user_only(tmp_path: Path) -> None:
    sealed = SecretBox("", tmp_path).seal("hush", "here")

    path = tmp_path / "secret.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [*tmp_path.iterdir()] == [path]
    assert SecretBox("", tmp_path).open(sealed, "here") == "hush"


def test_another_key_does_not_open_and_says_why(tmp_path: Path) -> None:
    one, other = (b64encode(bytes([n]) * 32).decode() for n in (1, 2))
    sealed = SecretBox(one, tmp_path).seal("hush", "here")

    assert SecretBox(one, tmp_path).open(sealed, "here") == "hush"
    with pytest.raises(Unsealable, match=r"another scheduler\.secret_key"):
        SecretBox(other, tmp_path).open(sealed, "here")
    with pytest.raises(Unsealable):
        SecretBox(one, tmp_path).open("v1:nonsense", "here")
