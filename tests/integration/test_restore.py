"""A backup is brought back whole, or not at all."""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from executor.errors import StartRefused
from scheduler.database import upgrade
from scheduler.restore import Manifest, restore
from tests.integration.backup_stage import SCHEMA, back_up, everything, fill_all, fill_demo
from tests.integration.engine_service import add_job, runs_of


async def restored(url: str, archive: Path, *, replace: bool = True) -> Manifest:
    return await restore(url, archive, replace=replace, timezone="UTC")


async def test_a_restored_backup_is_the_same_row_by_row(
    sql: asyncpg.Connection,
    engine: AsyncEngine,
    tmp_path: Path,
    database_url: str,
    empty_database_url: str,
) -> None:
    await fill_all(engine, sql, tmp_path)
    await sql.execute(
        f"UPDATE {SCHEMA}.schedule_job SET description = $1 WHERE id = 1", "tab\t \\N 值\nline"
    )
    before = await everything(sql)
    assert not [name for name, rows in before.items() if not rows]  # each table takes part

    archive = back_up(database_url, tmp_path)

    assert archive.stat().st_mode & 0o777 == 0o600
    checksum, name = archive.with_name(f"{archive.name}.sha256").read_text().split()
    assert (checksum, name) == (_sha256(archive), archive.name)
    await upgrade(empty_database_url)
    manifest = await restored(empty_database_url, archive, replace=False)
    other = await asyncpg.connect(empty_database_url)
    try:
        assert await everything(other) == before
    finally:
        await other.close()
    assert sum(table.rows for table in manifest.tables) > 300


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


async def test_a_restore_over_content_needs_to_be_told_and_then_replaces_it(
    sql: asyncpg.Connection, engine: AsyncEngine, tmp_path: Path, database_url: str
) -> None:
    await fill_demo(engine, tmp_path)
    before = await everything(sql)
    archive = back_up(database_url, tmp_path)
    await sql.execute(f"UPDATE {SCHEMA}.schedule_job SET description = 'changed'")
    await sql.execute(f"DELETE FROM {SCHEMA}.schedule_config")
    changed = await everything(sql)

    with pytest.raises(StartRefused, match="--replace"):
        await restored(database_url, archive, replace=False)
    assert await everything(sql) == changed
    await restored(database_url, archive)

    after = await everything(sql)
    del before["sequences"], after["sequences"]
    assert after == before


async def test_a_damaged_backup_changes_nothing(
    sql: asyncpg.Connection, engine: AsyncEngine, tmp_path: Path, database_url: str
) -> None:
    await fill_demo(engine, tmp_path)
    before = await everything(sql)
    archive = back_up(database_url, tmp_path)
    plain = gzip.decompress(archive.read_bytes())
    place = plain.index(b"sampleParams", 20_000)
    damaged = {
        "changed": gzip.compress(plain[:place] + b"S" + plain[place + 1 :]),
        "cut off": archive.read_bytes()[:-1000],
        "no archive": b"nonsense",
        "empty": b"",
    }
    for what, content in damaged.items():
        archive.write_bytes(content)
        with pytest.raises(StartRefused, match=r"damaged|is no backup"):
            await restored(database_url, archive)
        assert await everything(sql) == before, what


async def test_a_backup_of_another_schema_or_beside_a_service_is_refused(
    sql: asyncpg.Connection, tmp_path: Path, database_url: str
) -> None:
    archive = back_up(database_url, tmp_path)
    await sql.execute(
        f"INSERT INTO {SCHEMA}.schedule_replica (id, address) VALUES ('somebody', '')"
    )
    with pytest.raises(StartRefused, match="a service is running"):
        await restored(database_url, archive)
    await sql.execute(f"UPDATE {SCHEMA}.alembic_version SET version_num = '0001'")
    with pytest.raises(StartRefused, match="schema revision"):
        await restored(database_url, archive)


async def test_runs_that_were_under_way_are_interrupted_by_a_restore(
    sql: asyncpg.Connection, tmp_path: Path, database_url: str
) -> None:
    job = await add_job(sql)
    await sql.execute(f"SELECT {SCHEMA}.ensure_log_partition(now())")
    await sql.execute(
        f"""WITH run AS (
            INSERT INTO {SCHEMA}.schedule_log
                (cluster, admin_log_id, trigger_time, job_id, trigger_type, status, scheduled_time)
            SELECT cluster, 9, now(), $1, 'api', status, now()
            FROM (VALUES ('local', 'running'), ('alone', 'queued'), ('mirrored', 'running'))
                AS r (cluster, status)
        ), mirror AS (
            INSERT INTO {SCHEMA}.schedule_mirror (cluster, group_id) VALUES ('mirrored', 1)
        )
        INSERT INTO {SCHEMA}.schedule_fire
            (id, job_id, fire_time, scheduled_time, trigger_type, state, owner)
        VALUES (9, $1, now(), now(), 'api', 'fired', 'somebody')""",
        job,
    )
    archive = back_up(database_url, tmp_path)

    await restored(database_url, archive)

    rows = {row["cluster"]: row for row in await runs_of(sql, job)}
    assert {cluster: row["status"] for cluster, row in rows.items()} == {
        "local": "interrupted",
        "alone": "interrupted",
        "mirrored": "running",  # its Admin knows better
    }
    assert "when the backup was made" in rows["local"]["result_message"]
    failed = f"SELECT fail_count FROM {SCHEMA}.schedule_job_statistics WHERE job_id = {job}"
    assert await sql.fetchval(failed) == 2
    owner = f"SELECT owner FROM {SCHEMA}.schedule_fire WHERE state = 'fired'"
    assert await sql.fetchval(owner) is None
