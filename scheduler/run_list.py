"""Lists of runs, newest first: by page, by cursor, and never by counting a big table."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from enum import Enum
from typing import Any, NamedTuple

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine

from executor.model import RunState, Source
from scheduler.engine.link import lent
from scheduler.lists import MOST_COUNTED, Total, refuse_deep
from scheduler.refusal import NotFound


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFilter:
    """Which runs of a list are wanted; None: any."""

    job_id: int | None = None
    status: RunState | None = None
    start_time: datetime | None = None
    """Triggered then or later."""
    end_time: datetime | None = None
    """Triggered then or earlier."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A row of `schedule_log`, with its job's name and zone."""

    id: int
    cluster: str
    admin_log_id: int
    job_id: int
    job_name: str
    timezone: str
    handler_name: str
    params: str
    trigger_type: Source
    status: RunState
    attempt: int
    first_log_id: int | None
    scheduled_time: datetime
    trigger_time: datetime
    start_time: datetime | None
    end_time: datetime | None
    duration_ms: int | None
    result_code: int | None
    result_message: str
    executor_address: str
    shard_index: int
    shard_total: int


class Place(NamedTuple):
    """Where a list goes on: after the run that was triggered then, of this id."""

    trigger_time: datetime
    id: int


class RunList:
    """The runs that PostgreSQL knows."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def get(self, log_id: int) -> Run:
        """The run of this id. Raise NotFound."""
        run = await self.find(log_id)
        if run is None:
            raise NotFound("run", log_id)
        return run

    async def find(self, log_id: int) -> Run | None:
        """The run of this id, once it is recorded."""
        rows = await self._fetch(_ONE, log_id)
        return _run_of(rows[0]) if rows else None

    async def page(
        self, wanted: RunFilter, *, size: int, skip: int = 0, after: Place | None = None
    ) -> Sequence[Run]:
        """At most *size* runs, newest first: from *skip* on, or after a place in the list.

        Raises Invalid where a page lies deeper than pages go.
        """
        piece = _piece(size, skip, after)
        async with self._reading() as connection:
            return await _page_of(connection, wanted, piece)

    async def counted_page(
        self, wanted: RunFilter, *, size: int, skip: int = 0, after: Place | None = None
    ) -> tuple[Sequence[Run], Total]:
        """What `page` gives, and how many runs *wanted* asks for, as one moment has them.

        Up to MOST_COUNTED they are counted. Above, all runs and those of one job are known from
        the statistics, which count what is final; of other lists only a lower bound is said.
        """
        piece = _piece(size, skip, after)
        async with self._reading() as connection:
            runs = await _page_of(connection, wanted, piece)
            return runs, await _total_of(connection, wanted)

    async def _fetch(self, query: str, *args: object) -> list[Any]:
        async with self._reading() as connection:
            rows: list[Any] = await connection.fetch(query, *args)
            return rows

    @asynccontextmanager
    async def _reading(self) -> AsyncIterator[asyncpg.Connection]:
        async with lent(self._engine) as connection:
            await connection.execute(_BEGIN)
            yield connection
            await connection.execute("COMMIT")


class _Piece(NamedTuple):
    """Which part of a list is wanted."""

    size: int
    skip: int
    after: Place | None


def _piece(size: int, skip: int, after: Place | None) -> _Piece:
    if after is None:
        refuse_deep(skip)
    return _Piece(size, 0 if after else skip, after)


async def _page_of(
    connection: asyncpg.Connection, wanted: RunFilter, piece: _Piece
) -> Sequence[Run]:
    place = piece.after or _FIRST
    rows = await connection.fetch(
        _PAGE[_shape(wanted)], *_bounds(wanted, piece.after), *place, piece.size, piece.skip
    )
    return [_run_of(row) for row in rows]


async def _total_of(connection: asyncpg.Connection, wanted: RunFilter) -> Total:
    counted = await connection.fetchval(_COUNT[_shape(wanted)], *_bounds(wanted))
    if counted <= MOST_COUNTED:
        return Total(counted, True)
    if wanted != RunFilter(job_id=wanted.job_id):
        return Total(MOST_COUNTED, False)
    of = () if wanted.job_id is None else (wanted.job_id,)
    ever = await connection.fetchval(_EVER if of else _EVER_OF_ALL, *of)
    return Total(max(MOST_COUNTED, ever), False)


class _Shape(Enum):
    """Which index a list is read by, its keys from that alone."""

    ALL = "$1::text[] IS NOT NULL AND $2::bigint IS NULL"
    STATES = "l.status = {state} AND $2::bigint IS NULL"
    JOB = "l.status = {state} AND l.job_id = $2::bigint"


def _shape(wanted: RunFilter) -> _Shape:
    if wanted.job_id is not None:
        return _Shape.JOB
    return _Shape.ALL if wanted.status is None else _Shape.STATES


_BEGIN = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_LOG = "qooerp_scheduler.schedule_log"
_STATES = [state.value for state in RunState]
_EARLIEST, _LATEST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
_FIRST = Place(_LATEST, 2**63 - 1)
_WITHIN = "l.trigger_time BETWEEN $3 AND $4"
_OF_JOB = {"job_name": "coalesce(j.job_name, '')", "timezone": "coalesce(j.timezone, 'UTC')"}
_TOLD = ", ".join(f"{_OF_JOB.get(one.name, f'l.{one.name}')} AS {one.name}" for one in fields(Run))
_JOINED = (
    f"SELECT {_TOLD} FROM {{rows}} LEFT JOIN qooerp_scheduler.schedule_job j ON j.id = l.job_id"
)
_ONE = f"{_JOINED.format(rows=f'{_LOG} l')} WHERE l.id = $1"


def _keys(shape: _Shape, most: str) -> str:
    """The newest *most* runs after the place ($5, $6), by their keys."""
    return f"""
        SELECT l.id, l.trigger_time FROM {_LOG} l
        WHERE {shape.value.format(state="states.state")} AND {_WITHIN}
            AND (l.trigger_time, l.id) < ($5::timestamptz, $6::bigint)
        ORDER BY l.trigger_time DESC, l.id DESC LIMIT {most}"""


def _page(shape: _Shape) -> str:
    """Each state's newest runs, put together: first their keys, and then only what is shown."""
    sources = f"({_keys(shape, '$7::bigint + $8::bigint')}) AS k"
    if shape is not _Shape.ALL:
        sources = f"unnest($1::text[]) AS states (state) CROSS JOIN LATERAL {sources}"
    rows = f"keys JOIN {_LOG} l USING (id, trigger_time)"
    return f"""
        WITH keys AS MATERIALIZED (
            SELECT k.id, k.trigger_time FROM {sources}
            ORDER BY k.trigger_time DESC, k.id DESC LIMIT $7 OFFSET $8)
        {_JOINED.format(rows=rows)} ORDER BY l.trigger_time DESC, l.id DESC"""


def _count(shape: _Shape) -> str:
    """Of all, in the order of an index: a limit alone would have whole months looked through."""
    found = f"{shape.value.format(state='ANY ($1::text[])')} AND {_WITHIN}"
    order = "ORDER BY l.trigger_time" if shape is _Shape.ALL else ""
    return f"""
        SELECT count(*) FROM (
            SELECT FROM {_LOG} l WHERE {found} {order} LIMIT {MOST_COUNTED + 1}) AS found"""


_PAGE = {shape: _page(shape) for shape in _Shape}
_COUNT = {shape: _count(shape) for shape in _Shape}
_EVER = """
    SELECT coalesce(sum(execute_count + discard_count), 0)::bigint
    FROM qooerp_scheduler.schedule_job_statistics WHERE job_id = $1"""
_EVER_OF_ALL = """
    SELECT coalesce(sum(execute_count + discard_count), 0)::bigint
    FROM qooerp_scheduler.schedule_daily"""


def _bounds(wanted: RunFilter, after: Place | None = None) -> tuple[object, ...]:
    """States, job, and between which times; the place of a cursor is one, so that months are passed over."""
    states = _STATES if wanted.status is None else [wanted.status.value]
    until = min(wanted.end_time or _LATEST, after.trigger_time if after else _LATEST)
    return states, wanted.job_id, wanted.start_time or _EARLIEST, until


def _run_of(row: Mapping[str, Any]) -> Run:
    values = dict(row)
    values["trigger_type"] = Source(values["trigger_type"])
    values["status"] = RunState(values["status"])
    return Run(**values)
