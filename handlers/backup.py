"""Copies the service's tables into one archive, which `qooerp-scheduler restore` brings back.

`backup-….tar.gz` holds `manifest.json` first, then a file for each table as PostgreSQL's COPY
writes text. The manifest names the schema's revision, the tables with columns, rows and SHA-256,
the months of runs, and how far each sequence was; beside the archive lies its own `.sha256`.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import asyncpg
from pydantic import BaseModel, Field

from executor import JobContext, job_handler
from handlers.database import connected

_FORMAT = 1
_SCHEMA = "qooerp_scheduler"
_TABLES = f"""\
SELECT relation.relname AS name,
    array_agg(attribute.attname::text ORDER BY attribute.attnum) AS columns
FROM pg_class relation JOIN pg_attribute attribute ON attribute.attrelid = relation.oid
WHERE relation.relnamespace = '{_SCHEMA}'::regnamespace AND relation.relkind IN ('r', 'p')
    AND NOT relation.relispartition AND relation.relname <> 'alembic_version'
    AND attribute.attnum > 0 AND NOT attribute.attisdropped AND attribute.attgenerated = ''
GROUP BY relation.relname ORDER BY relation.relname
"""
_MONTHS = f"""\
SELECT DISTINCT date_trunc('month', trigger_time, 'UTC') FROM {_SCHEMA}.schedule_log ORDER BY 1
"""
_SEQUENCES = f"""\
SELECT sequencename, last_value FROM pg_sequences
WHERE schemaname = '{_SCHEMA}' AND last_value IS NOT NULL
"""
_UNFINISHED = ".unfinished-"
_ABANDONED_S = 3600
"""So long without a byte written: whoever wrote was killed, and could not clean up."""
_REVISION = f"SELECT version_num FROM {_SCHEMA}.alembic_version"


class BackupParams(BaseModel):
    """How many are kept: `{"keep": 14}`, or `keep=14`, or nothing."""

    keep: int = Field(7, ge=1, le=10_000, description="Newest backups that stay, this one too.")


@job_handler("dataBackup", isolation="process", idempotent=True)
async def data_backup(ctx: JobContext, params: BackupParams) -> str:
    """Copy every table into `data_dir/backups/backup-….tar.gz`, as they are at one moment.

    The service goes on meanwhile. Secrets stay encrypted: keep `scheduler.secret_key`, or
    `data_dir/secret.key`, in another place.
    """
    folder = Path(ctx.resource("data_dir")) / "backups"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    archive = folder / f"backup-{ctx.scheduled_time:%Y%m%dT%H%M%SZ}-{ctx.log_id}.tar.gz"
    with TemporaryDirectory(prefix=_UNFINISHED, dir=folder) as unfinished:
        _drop_abandoned(ctx, folder, Path(unfinished))
        manifest = await _copy(ctx, Path(unfinished))
        checksum = _pack(Path(unfinished), manifest, archive)
    others = sorted(set(folder.glob("backup-*.tar.gz")) - {archive})
    for old in others[: max(0, len(others) + 1 - params.keep)]:  # not ours, though it may be late
        old.unlink()
        _checksum_of(old).unlink(missing_ok=True)
        ctx.log.info("%s is no longer kept", old.name)
    rows = sum(table["rows"] for table in manifest["tables"])
    size = archive.stat().st_size
    return f"{archive.name}: {rows} rows, {size} bytes, sha256 {checksum}"


def _drop_abandoned(ctx: JobContext, folder: Path, ours: Path) -> None:
    """Remove what backups that were killed have left; *ours* was begun just now."""
    now = ours.stat().st_mtime
    for other in folder.glob(f"{_UNFINISHED}*"):
        with contextlib.suppress(FileNotFoundError):  # one that ends just now cleans up itself
            newest = max(one.stat().st_mtime for one in (other, *other.iterdir()))
            if now - newest <= _ABANDONED_S:
                continue
            shutil.rmtree(other, ignore_errors=True)
            ctx.log.warning("%s was left by a backup that was killed: removed", other.name)


async def _copy(ctx: JobContext, folder: Path) -> dict[str, Any]:
    """Write each table into *folder*; the manifest."""
    async with (
        connected(ctx) as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        found = await connection.fetch(_TABLES)
        tables = []
        for done, (name, columns) in enumerate(found, start=1):
            tables.append(await _copy_table(connection, name, columns, folder / f"{name}.copy"))
            ctx.progress(done / len(found), f"{name}: {tables[-1]['rows']} rows")
        return {
            "format": _FORMAT,
            "taken": (await connection.fetchval("SELECT now()")).isoformat(),
            "log_id": ctx.log_id,
            "server": str(connection.get_server_version().major),
            "revision": await connection.fetchval(_REVISION),
            "tables": tables,
            "months": [month.isoformat() for (month,) in await connection.fetch(_MONTHS)],
            "sequences": dict(await connection.fetch(_SEQUENCES)),
        }


async def _copy_table(
    connection: asyncpg.Connection, name: str, columns: list[str], path: Path
) -> dict[str, Any]:
    names = ", ".join(f'"{column}"' for column in columns)
    said = await connection.copy_from_query(
        f'SELECT {names} FROM {_SCHEMA}."{name}"', output=path, encoding="utf-8"
    )
    rows = int(said.removeprefix("COPY "))
    return {"name": name, "columns": columns, "rows": rows, "sha256": _sha256(path)}


def _pack(folder: Path, manifest: dict[str, Any], archive: Path) -> str:
    """Make *archive* of it, whole or not at all; its checksum."""
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=2), encoding="utf-8")
    packed = folder / "archive"
    packed.touch(mode=0o600)
    with tarfile.open(packed, "w:gz", compresslevel=6) as tar:
        for name in ("manifest.json", *(f"{table['name']}.copy" for table in manifest["tables"])):
            tar.add(folder / name, arcname=name)
    with packed.open("rb") as written:
        os.fsync(written.fileno())
    checksum = _sha256(packed)
    _checksum_of(archive).write_text(f"{checksum}  {archive.name}\n", encoding="ascii")
    packed.replace(archive)
    return checksum


def _checksum_of(archive: Path) -> Path:
    """Where its checksum is, as `sha256sum -c` reads it."""
    return archive.with_name(f"{archive.name}.sha256")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
