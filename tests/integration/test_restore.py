"""A backup is brought back whole, or not at all."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
import zlib
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from executor.errors import StartRefused
from scheduler.database import upgrade
from scheduler.engine.identity import replica_id
from scheduler.restore import Manifest, restore
from tests.integration.backup_stage import SCHEMA, back_up, everything, fill_all, fill_demo
from tests.integration.engine_service import (
    a_service,
    add_job,
    ended,
    local,
    runs_of,
    settled,
    soon,
)


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
    before["schedule_replica"] = []  # whoever worked then is not gone: it was never here
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
        "nonsense inside": _with_nonsense_inside(plain),
        "no bottom": _archive_of(b"[" * 100_000),
    }
    for what, content in damaged.items():
        archive.write_bytes(content)
        with pytest.raises(StartRefused, match=r"damaged|is no backup"):
            await restored(database_url, archive)
        assert await everything(sql) == before, what


def _with_nonsense_inside(plain: bytes) -> bytes:
    """*plain* packed as far as its middle, and what nobody can unpack behind that."""
    packing = zlib.compressobj(wbits=16 + zlib.MAX_WBITS)
    begun = packing.compress(plain[: len(plain) // 2]) + packing.flush(zlib.Z_FULL_FLUSH)
    return begun + b"\xff" * 1000


def _archive_of(manifest: bytes) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        member = tarfile.TarInfo("manifest.json")
        member.size = len(manifest)
        archive.addfile(member, io.BytesIO(manifest))
    return packed.getvalue()


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


async def test_the_run_that_made_the_backup_has_succeeded_and_raises_no_alarm(
    sql: asyncpg.Connection, tmp_path: Path, database_url: str
) -> None:
    moment = soon()
    async with a_service(tmp_path, database_url, handlers__modules="handlers"):
        job = await add_job(
            sql,
            handler_name="dataBackup",
            schedule_type="once",
            run_at=moment,
            next_run_time=moment,
            retry_strategy="fixed",
            retry_count=1,
        )
        await ended(sql, job, count=1)
    [archive] = (tmp_path / "data" / "backups").glob("*.tar.gz")

    await restored(database_url, archive)
    replicas = await sql.fetchval(f"SELECT count(*) FROM {SCHEMA}.schedule_replica")
    async with a_service(tmp_path, database_url):
        await settled(sql)
        (row,) = await runs_of(sql, job)

    assert (row["status"], row["result_code"], replicas) == ("succeeded", 200, 0)
    assert row["result_message"] == "made the backup that was restored"
    assert await sql.fetchval(f"SELECT count(*) FROM {SCHEMA}.schedule_notify") == 0
    deleted = f"SELECT deleted_at FROM {SCHEMA}.schedule_job WHERE id = {job}"
    assert await sql.fetchval(deleted) is not None


async def test_a_backup_that_was_made_late_says_of_what_moment_it_is(
    sql: asyncpg.Connection, tmp_path: Path, database_url: str
) -> None:
    begun, due = soon(), soon(-3600)
    async with a_service(tmp_path, database_url, handlers__modules="handlers"):
        job = await add_job(
            sql, handler_name="dataBackup", schedule_type="once", run_at=due, next_run_time=due
        )
        await ended(sql, job, count=1)
    [archive] = (tmp_path / "data" / "backups").glob("*.tar.gz")

    manifest = await restored(database_url, archive)

    assert manifest.taken >= begun


async def test_a_planned_run_that_the_journal_knows_is_reported_again_and_not_run_again(
    sql: asyncpg.Connection, tmp_path: Path, database_url: str
) -> None:
    notes = tmp_path / "notes"
    async with a_service(tmp_path, database_url) as app:
        job = await add_job(sql, params=str(notes))
        await local(app).control.execute(job)
        (run,) = await ended(sql, job, count=1)
        await settled(sql)
    await plan_again(sql, run)  # as in a backup that was made before its moment
    await sql.execute(f"DELETE FROM {SCHEMA}.schedule_log")
    async with a_service(tmp_path, database_url):
        (again,) = await ended(sql, job, count=1)
        await settled(sql)

    assert len(notes.read_text().splitlines()) == 1
    times = ("id", "status", "start_time", "end_time")
    assert [again[name] for name in times] == [run[name] for name in times]


async def test_a_run_whose_end_is_on_record_is_not_run_again_though_the_journal_is_lost(
    sql: asyncpg.Connection, tmp_path: Path, database_url: str
) -> None:
    notes = tmp_path / "notes"
    async with a_service(tmp_path, database_url) as app:
        job = await add_job(sql, params=str(notes))
        await local(app).control.execute(job)
        (run,) = await ended(sql, job, count=1)
        await settled(sql)
    (tmp_path / "data" / "journal.db").unlink()
    await plan_again(sql, run, "fired", replica_id(tmp_path / "data"))
    async with a_service(tmp_path, database_url):
        await settled(sql)

    assert len(notes.read_text().splitlines()) == 1


async def plan_again(
    sql: asyncpg.Connection, run: asyncpg.Record, state: str = "planned", owner: str | None = None
) -> None:
    await sql.execute(
        f"""INSERT INTO {SCHEMA}.schedule_fire
            (id, job_id, fire_time, scheduled_time, trigger_type, state, owner)
        VALUES ($1, $2, $3, $4, 'api', $5, $6)""",
        *(run["id"], run["job_id"], run["trigger_time"], run["scheduled_time"], state, owner),
    )
