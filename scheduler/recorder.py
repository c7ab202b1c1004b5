"""Turns the executor's reports into rows of `schedule_log` and into statistics, each just once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import asyncpg
import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from executor.model import LOCAL, Report
from scheduler.database import STATEMENT_FAILED, end_if_cancelled, said
from scheduler.run_row import COLUMNS, Key, clean, job_of, newest, row_of
from scheduler.statements import statements

_log = structlog.get_logger()
_sql = statements()
_START, _NOTE, _COUNT = map(_sql, ("record_runs", "note_runs", "count_runs"))
_END = "SELECT count(*) FROM recorded"
_RECORD = _START + _NOTE + _COUNT + _END
_RECORD_HISTORY = _START + _COUNT + _END
_NAMES = ", ".join(COLUMNS)
_ARRAYS = ", ".join(f"${place}::{kind}[]" for place, kind in enumerate(COLUMNS.values(), start=3))
_FROM_ARRAYS = f"WITH incoming ({_NAMES}) AS (SELECT * FROM unnest({_ARRAYS})), "
_STAGE = (
    "CREATE TEMPORARY TABLE IF NOT EXISTS incoming"
    f" ({', '.join(f'{name} {kind}' for name, kind in COLUMNS.items())}) ON COMMIT DELETE ROWS"
)
_ADD_JOBS = _sql("placeholders")
_FIND_JOBS = _sql("admin_jobs")
_ADD_PARTITION = """
    SELECT qooerp_scheduler.ensure_log_partition('epoch'::timestamptz + day * interval '24 hours')
    FROM unnest($1::bigint[]) AS day"""
_DAY_MS = 86_400_000
_BATCH = 2_000
"""Runs a statement: more gain nothing, and hold their locks longer."""
_FEW = 200
"""So many are copied in; fewer go as arrays in one round trip, which asyncpg encodes slowly."""

_Run = tuple[Key, Report]
_Jobs = dict[tuple[str, int], int]


class RecorderUnavailable(Exception):
    """PostgreSQL cannot take reports now; hand in the whole batch again later."""


class ReportsRefused(Exception):
    """Reports that PostgreSQL will never take; all others of the batch are recorded."""

    def __init__(self, reports: Sequence[Report]) -> None:
        super().__init__(f"{len(reports)} reports cannot be recorded")
        self.reports = reports


class Recorder:
    """Records runs, from any number of replicas at once, each report any number of times.

    *address* is this executor's, for the rows; *timezone*, an IANA name, says when a day of the
    statistics begins. A run of an Admin's job that is not known yet makes a placeholder of it.
    A run of cluster `local` names its job by `schedule_job.id`, and its log id is its row's id.
    What is *history* raises no alarms.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        *,
        address: str = "",
        timezone: str = "UTC",
        history: bool = False,
    ) -> None:
        self._engine = engine
        self._statement = _RECORD_HISTORY if history else _RECORD
        self._address = clean(address, 512)
        self._timezone = timezone
        self._jobs: _Jobs = {}
        self._days: set[int] = set()

    def forget_job(self, job_id: int | None) -> None:
        """A job has changed, None: any may have: its number at its Admin may be another's now."""
        if job_id is None or job_id in self._jobs.values():
            self._jobs = {}

    async def record(self, reports: Sequence[Report]) -> None:
        """Record the states that *reports* tell, except where a row knows better.

        Raises RecorderUnavailable while PostgreSQL is away, and, which should never happen,
        ReportsRefused for those that it cannot hold.
        """
        runs = newest(reports)
        try:
            refused = await self._record_all(runs)
        except RecorderUnavailable:  # perhaps the server cut only what was lying in the pool
            refused = await self._record_all(runs)
        if refused:
            raise ReportsRefused(refused)

    async def _record_all(self, runs: Sequence[_Run]) -> list[Report]:
        refused = list[Report]()
        async with self._connection() as connection:
            for start in range(0, len(runs), _BATCH):
                refused += await self._record(connection, runs[start : start + _BATCH])
        return refused

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[asyncpg.Connection]:
        try:
            async with self._engine.connect() as lent:
                try:
                    yield (await lent.get_raw_connection()).driver_connection
                except BaseException:
                    await lent.invalidate()  # cut off or cancelled: its state is anyone's guess
                    raise
        except (OSError, *STATEMENT_FAILED) as error:
            self._forget()
            end_if_cancelled(error)
            raise RecorderUnavailable(said(error)) from error

    async def _record(
        self, connection: asyncpg.Connection, runs: Sequence[_Run], *, again: bool = True
    ) -> list[Report]:
        """Write *runs*, and give those that cannot be: found by halving, so that the rest can."""
        try:
            await self._write(connection, runs)
        except asyncpg.InvalidParameterValueError:
            raise  # the zone, not a run
        except (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError) as error:
            self._forget()  # a month may have been dropped since
            if again:
                return await self._record(connection, runs, again=False)
            if len(runs) == 1:
                _log.error("report_refused", run=runs[0][0], reason=str(error))
                return [runs[0][1]]
            middle = len(runs) // 2
            first = await self._record(connection, runs[:middle], again=False)
            return first + await self._record(connection, runs[middle:], again=False)
        return []

    async def _write(self, connection: asyncpg.Connection, runs: Sequence[_Run]) -> None:
        await self._learn_days(connection, runs)
        jobs = await self._learn_jobs(connection, runs)
        rows = [row_of(key, report, _job_id(jobs, key, report)) for key, report in runs]
        given = self._address, self._timezone
        if len(rows) < _FEW:
            await connection.execute(
                _FROM_ARRAYS + self._statement, *given, *zip(*rows, strict=True)
            )
            return
        async with connection.transaction():
            await connection.execute(_STAGE)
            await connection.copy_records_to_table("incoming", records=rows)
            await connection.execute("WITH " + self._statement, *given)

    async def _learn_days(self, connection: asyncpg.Connection, runs: Sequence[_Run]) -> None:
        """Make the months of *runs* exist; asked for once a day, which is simpler to tell."""
        new = {key[2] // _DAY_MS for key, _ in runs} - self._days
        if new:
            await connection.execute(_ADD_PARTITION, sorted(new))
            self._days |= new

    async def _learn_jobs(self, connection: asyncpg.Connection, runs: Sequence[_Run]) -> _Jobs:
        """The ids of all jobs of *runs*; what is forgotten meanwhile is not kept."""
        jobs = {
            job_of(key, run.trigger): run.trigger.handler for key, run in runs if key[0] != LOCAL
        }
        known = self._jobs
        new = sorted(jobs.keys() - known.keys())
        if new:
            clusters, ids = zip(*new, strict=True)
            handlers = [clean(jobs[job], 255) for job in new]
            await connection.execute(_ADD_JOBS, clusters, ids, handlers)
            found = await connection.fetch(_FIND_JOBS, clusters, ids)
            known.update({(row[0], row[1]): row[2] for row in found})
        return known

    def _forget(self) -> None:
        """Ask again: what was known may be of a database that was replaced meanwhile."""
        self._jobs = {}
        self._days.clear()


def _job_id(jobs: _Jobs, key: Key, report: Report) -> int:
    job = job_of(key, report.trigger)
    return job[1] if key[0] == LOCAL else jobs[job]
