"""Writes the jobs of an Admin to `schedule_job`, and what people did there to the audit."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg
import orjson

from admin_bridge.console import AdminJob
from scheduler.changes import CHANNEL
from scheduler.mirror.job_entry import Decision, Place, Verdict, decided
from scheduler.mirror.statements import sql

_BATCH = 1000
_TELL = 'SELECT pg_notify($1, format(\'{"kind": "job", "id": %s}\', id)) FROM unnest($2::bigint[]) AS id'


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """What became of the jobs that were handed in."""

    ids: Mapping[int, int]
    """Of those that are now as the Admin has them: its id, and the row's."""
    changed: int
    replaced: int
    """Whose id was another job's before: the Admin's database is a new one."""


@dataclass(frozen=True, slots=True)
class _Found:
    admin: AdminJob
    row: Mapping[str, Any] | None
    decision: Decision

    @property
    def row_id(self) -> int:
        assert self.row is not None
        return int(self.row["id"])


async def asked_now(connection: asyncpg.Connection) -> datetime:
    """The database's time, to be taken before an Admin is asked: what is newer is left alone."""
    moment: datetime = await connection.fetchval("SELECT clock_timestamp()")
    return moment


async def copy_jobs(
    connection: asyncpg.Connection,
    jobs: Sequence[AdminJob],
    place: Place,
    *,
    asked: datetime,
    audited: bool,
) -> Copied:
    """Make the rows of *jobs* as their Admin had them after *asked*; *audited*: people did that."""
    ids: dict[int, int] = {}
    changed = replaced = 0
    for start in range(0, len(jobs), _BATCH):
        async with connection.transaction():
            part = await _copy(connection, jobs[start : start + _BATCH], place, asked, audited)
        ids |= part.ids
        changed += part.changed
        replaced += part.replaced
    return Copied(ids=ids, changed=changed, replaced=replaced)


async def drop_jobs(
    connection: asyncpg.Connection,
    cluster: str,
    group_id: int,
    *,
    keep: Iterable[int],
    asked: datetime,
    audited: bool = True,
) -> int:
    """Delete logically what the group has no more beside *keep*; how many."""
    async with connection.transaction():
        rows = await connection.fetch(sql("drop_jobs"), cluster, group_id, list(keep), asked)
        ids = [row[0] for row in rows]
        if audited:
            await _audit(connection, cluster, [("delete", job_id, {}) for job_id in ids])
        await _tell(connection, ids)
    return len(ids)


async def drop_job(
    connection: asyncpg.Connection, cluster: str, admin_job_id: int, *, asked: datetime
) -> None:
    """Delete logically a job that its Admin has no more; whoever knows that has it audited."""
    await connection.execute(
        "UPDATE qooerp_scheduler.schedule_job SET deleted_at = now(), status = 'stopped',"
        " next_run_time = NULL, update_time = now(), version = version + 1"
        " WHERE cluster = $1 AND admin_job_id = $2 AND deleted_at IS NULL AND mirrored_at < $3",
        *(cluster, admin_job_id, asked),
    )


async def _copy(
    connection: asyncpg.Connection,
    jobs: Sequence[AdminJob],
    place: Place,
    asked: datetime,
    audited: bool,
) -> Copied:
    rows = await connection.fetch(sql("lock_jobs"), place.cluster, [job.id for job in jobs])
    known = {row["admin_job_id"]: _read(row) for row in rows}
    found = [
        _Found(job, row, decided(job, place, row))
        for job in jobs
        if not _is_newer(row := known.get(job.id), asked)
    ]
    of = {verdict: [one for one in found if one.decision.verdict is verdict] for verdict in Verdict}
    await _retire(connection, place.cluster, of[Verdict.REPLACE])
    added = await _add(connection, place.cluster, of[Verdict.ADD] + of[Verdict.REPLACE])
    await _change(connection, of[Verdict.CHANGE])
    written = {one.admin.id: one.row_id for one in of[Verdict.SAME] + of[Verdict.CHANGE]}
    if audited:
        await _record(connection, place.cluster, [*of[Verdict.CHANGE], *of[Verdict.ADD]], added)
    return Copied(
        ids=written | added,
        changed=len(added) + len(of[Verdict.CHANGE]),
        replaced=len(of[Verdict.REPLACE]),
    )


async def _retire(connection: asyncpg.Connection, cluster: str, found: Sequence[_Found]) -> None:
    if found:
        ids = [one.row_id for one in found]
        await connection.execute(sql("retire_jobs"), ids)
        await _audit(connection, cluster, [("delete", job_id, {"wiped": True}) for job_id in ids])
        await _tell(connection, ids)


async def _add(
    connection: asyncpg.Connection, cluster: str, found: Sequence[_Found]
) -> dict[int, int]:
    if not found:
        return {}
    rows = [{**one.decision.values, "admin_job_id": one.admin.id} for one in found]
    made = await connection.fetch(sql("add_jobs"), cluster, orjson.dumps(rows).decode())
    return {row["admin_job_id"]: row["id"] for row in made}


async def _change(connection: asyncpg.Connection, found: Sequence[_Found]) -> None:
    if found:
        rows = [
            {**one.decision.values, "id": one.row_id, "risen": int(bool(one.decision.actions))}
            for one in found
        ]
        await connection.execute(sql("change_jobs"), orjson.dumps(rows).decode())


async def _record(
    connection: asyncpg.Connection,
    cluster: str,
    found: Sequence[_Found],
    added: Mapping[int, int],
) -> None:
    """Say in the audit what people did, and tell the replicas."""
    entries: list[tuple[str, int, dict[str, object]]] = []
    for one in found:
        job_id = one.row_id if one.row is not None else added.get(one.admin.id)
        if job_id is not None:
            entries += [(action, job_id, _detail(one, action)) for action in one.decision.actions]
    await _audit(connection, cluster, entries)
    await _tell(connection, sorted({job_id for _, job_id, _ in entries}))


def _detail(found: _Found, action: str) -> dict[str, object]:
    if action == "create" or found.row is None:
        return {"jobNo": found.decision.values["job_no"]}
    if action == "update":
        return {"changed": sorted(set(found.decision.changed) - {"status"})}
    return {"was": found.row["status"]}


async def _audit(
    connection: asyncpg.Connection,
    cluster: str,
    entries: Sequence[tuple[str, int, dict[str, object]]],
) -> None:
    if entries:
        rows = [
            {"action": action, "id": job_id, "detail": detail} for action, job_id, detail in entries
        ]
        actor = f"admin:{cluster}"
        await connection.execute(sql("audit_jobs"), actor, orjson.dumps(rows).decode())


async def _tell(connection: asyncpg.Connection, ids: Sequence[int]) -> None:
    if ids:
        await connection.execute(_TELL, CHANNEL, ids)


def _read(row: Mapping[str, Any]) -> dict[str, Any]:
    fields = row["admin_fields"]
    return dict(row) | {"admin_fields": json.loads(fields) if isinstance(fields, str) else fields}


def _is_newer(row: Mapping[str, Any] | None, asked: datetime) -> bool:
    return row is not None and row["mirrored_at"] is not None and row["mirrored_at"] > asked
