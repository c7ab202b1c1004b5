"""Brings a backup of the handler `dataBackup` back into the database: all of it, or nothing."""

from __future__ import annotations

import hashlib
import json
import tarfile
import zlib
from collections.abc import Sequence
from datetime import datetime
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Annotated

import asyncpg
from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from executor.errors import StartRefused
from scheduler.database import SCHEMA
from scheduler.statements import statements

_FORMAT = 1
_DAMAGED = (
    *(tarfile.TarError, zlib.error, EOFError, OSError),
    *(KeyError, ValueError, ValidationError, RecursionError),
)
"""What reading an archive ends with that is not as it was written."""
_MANIFEST = "manifest.json"
_MADE_IT = "made the backup that was restored"
_INTERRUPTED = "under way when the backup was made: how it ended is not known"
_sql = statements()
_BEATS = f"""\
SELECT count(*) FROM {SCHEMA}.schedule_replica WHERE heartbeat_at > now() - interval '30 seconds'
"""
_LINKS = f"""\
SELECT child.relname, parent.relname FROM pg_constraint link
JOIN pg_class child ON child.oid = link.conrelid
JOIN pg_class parent ON parent.oid = link.confrelid
WHERE link.contype = 'f' AND link.connamespace = '{SCHEMA}'::regnamespace
    AND link.conrelid <> link.confrelid
"""
_ROOM = f"SELECT {SCHEMA}.ensure_log_partition(fire_time) FROM {SCHEMA}.schedule_fire WHERE id = $1"
_DISOWN = f"""\
UPDATE {SCHEMA}.schedule_fire SET owner = NULL WHERE state = 'fired';
DELETE FROM {SCHEMA}.schedule_replica;
"""
"""Replicas of that time are not gone: those that begin now write their rows themselves."""


Name = Annotated[str, StringConstraints(pattern="^[a-z_][a-z0-9_]*$")]
"""As it may stand in a statement."""


class TableEntry(BaseModel):
    """A table of a backup."""

    model_config = ConfigDict(frozen=True)

    name: Name
    columns: list[Name]
    rows: int
    sha256: str

    @property
    def file(self) -> str:
        return f"{self.name}.copy"


class Manifest(BaseModel):
    """What is in a backup."""

    model_config = ConfigDict(frozen=True)

    format: int
    taken: datetime
    log_id: int | None = None
    """Of the run that made it, in its cluster."""
    revision: str
    tables: list[TableEntry]
    months: list[datetime]
    sequences: dict[Name, int]


async def restore(dsn: str, path: Path, *, replace: bool, timezone: str) -> Manifest:
    """Put the backup at *path* into the database at *dsn*, which has its schema already.

    *replace* lets what is there go. Runs that were under way are interrupted, but for the one that
    made the backup, and count for the day they have in *timezone*. Raises StartRefused, with
    nothing changed: the archive is damaged or of another schema, the database is in use, or holds
    something.
    """
    with _opened(path) as archive:
        manifest = _checked(archive)
        connection = await asyncpg.connect(dsn, timeout=10)
        try:
            async with connection.transaction():
                await _refuse(connection, manifest, replace=replace)
                await _load(connection, archive, manifest)
                await _interrupt(connection, manifest.log_id, timezone)
        finally:
            await connection.close()
    return manifest


def _opened(path: Path) -> tarfile.TarFile:
    try:
        return tarfile.open(path, "r:gz")
    except FileNotFoundError:
        raise StartRefused(f"there is no file {path}") from None
    except IsADirectoryError:
        raise StartRefused(f"{path} is a folder, and no backup") from None
    except (tarfile.TarError, EOFError) as error:
        raise StartRefused(f"{path} is no backup: {error}") from None


def _checked(archive: tarfile.TarFile) -> Manifest:
    """Its manifest, once every file in it was found whole."""
    try:
        manifest = Manifest.model_validate(json.loads(_file(archive, _MANIFEST).read()))
        if manifest.format != _FORMAT:
            raise StartRefused(f"the backup has format {manifest.format}, not {_FORMAT}")
        for table in manifest.tables:
            if (
                hashlib.file_digest(_file(archive, table.file), "sha256").hexdigest()
                != table.sha256
            ):
                raise StartRefused(f"the backup is damaged: {table.file} has another checksum")
    except _DAMAGED as error:
        raise StartRefused(f"the backup is damaged: {str(error).splitlines()[0]}") from None
    return manifest


def _file(archive: tarfile.TarFile, name: str) -> tarfile.ExFileObject:
    file = archive.extractfile(name)
    if not isinstance(file, tarfile.ExFileObject):
        raise KeyError(f"{name} is no file")
    return file


async def _refuse(connection: asyncpg.Connection, manifest: Manifest, *, replace: bool) -> None:
    revision = await connection.fetchval(f"SELECT version_num FROM {SCHEMA}.alembic_version")
    if revision != manifest.revision:
        raise StartRefused(
            f"the backup is of schema revision {manifest.revision}, the database has {revision}:"
            " restore with the version that made it, then start the newer one"
        )
    if await connection.fetchval(_BEATS):
        raise StartRefused("a service is running on this database: stop it, and wait 30 s")
    if not replace and (held := await _held(connection, manifest)):
        raise StartRefused(f"the database is not empty ({held}): --replace lets its content go")


async def _held(connection: asyncpg.Connection, manifest: Manifest) -> str | None:
    """A table that has rows."""
    for table in manifest.tables:
        if await connection.fetchval(f'SELECT EXISTS (SELECT FROM {SCHEMA}."{table.name}")'):
            return table.name
    return None


async def _load(
    connection: asyncpg.Connection, archive: tarfile.TarFile, manifest: Manifest
) -> None:
    names = ", ".join(f'{SCHEMA}."{table.name}"' for table in manifest.tables)
    await connection.execute(f"TRUNCATE {names}")
    await connection.execute(
        f"SELECT {SCHEMA}.ensure_log_partition(month) FROM unnest($1::timestamptz[]) AS month",
        manifest.months,
    )
    await _switch_triggers(connection, manifest, "DISABLE")
    for table in await _in_order(connection, manifest.tables):
        said = await connection.copy_to_table(
            table.name,
            schema_name=SCHEMA,
            columns=table.columns,
            source=_file(archive, table.file),
        )
        if int(said.removeprefix("COPY ")) != table.rows:
            raise StartRefused(f"{table.name}: {said}, the backup names {table.rows} rows")
    await _switch_triggers(connection, manifest, "ENABLE")
    for sequence, value in manifest.sequences.items():
        await connection.execute(f"SELECT setval('{SCHEMA}.{sequence}', $1)", value)


async def _in_order(
    connection: asyncpg.Connection, tables: Sequence[TableEntry]
) -> list[TableEntry]:
    """*tables*, each after those that its foreign keys point to."""
    order = TopologicalSorter[str]()
    for child, parent in await connection.fetch(_LINKS):
        order.add(child, parent)
    places = {name: place for place, name in enumerate(order.static_order())}
    return sorted(tables, key=lambda table: places.get(table.name, -1))


async def _interrupt(connection: asyncpg.Connection, made_by: int | None, timezone: str) -> None:
    """End what was under way: nobody can tell how it ended, and nobody is at work on it.

    Of the run *made_by* it is known: the backup is there.
    """
    interrupt = "".join(map(_sql, ("interrupt_runs", "note_runs", "count_runs")))
    await connection.execute(_ROOM, made_by)
    await connection.execute(_sql("known_backup"), made_by)
    words = (_INTERRUPTED, timezone, made_by, _MADE_IT)
    await connection.execute(f"{interrupt}SELECT FROM recorded", *words)
    await connection.execute(_DISOWN)


async def _switch_triggers(connection: asyncpg.Connection, manifest: Manifest, what: str) -> None:
    """What is brought back has happened long ago: it is no news to anybody."""
    for table in manifest.tables:
        await connection.execute(f'ALTER TABLE {SCHEMA}."{table.name}" {what} TRIGGER USER')
