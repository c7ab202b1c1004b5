"""Turns the executor's reports into rows of `schedule_log` and into statistics, each just once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from importlib.resources import files

import asyncpg
import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from executor.model import LOCAL, Report
from scheduler.run_row import Key, clean, job_of, newest, row_of

_log = structlog.get_logger()
_SQL = files("scheduler") / "sql"
_RECORD = (_SQL / "record_runs.sql").read_text(encoding="utf-8")
_ADD_JOBS = (_SQL / "placeholders.sql").read_text(encoding="utf-8")
_FIND_JOBS = (_SQL / "admin_jobs.sql").read_text(encoding="utf-8")
_ADD_PARTITION = """
    SELECT qooerp_scheduler.ensure_log_partition('epoch'::timestamptz + day * interval '24 hours')
    FROM unnest($1::bigint[]) AS day"""
_DAY_MS = 86_400_000
_BATCH = 2_000
"""Runs a statement: more gain nothing, and hold their locks longer."""

_Run = tuple[Key, Report]


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
    """

    def __init__(self, engine: AsyncEngine, *, address: str = "", timezone: str = "UTC") -> None:
        self._engine = engine
        self._address = clean(address, 512)
        self._timezone = timezone
        self._jobs: dict[tuple[str, int], int] = {}
        self._days: set[int] = set()

    async def record(self, reports: Sequence[Report]) -> None:
        """Record the states that *reports* tell, except where a row knows better.

        Raises RecorderUnavailable while PostgreSQL is away, and, which should never happen,
        ReportsRefused for those that it cannot hold.
        """
        runs, refused = newest(reports), list[Report]()
        async with self._connection() as connection:
            for start in range(0, len(runs), _BATCH):
                refused += await self._record(connection, runs[start : start + _BATCH])
        if refused:
            raise ReportsRefused(refused)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[asyncpg.Connection]:
        try:
            async with self._engine.connect() as lent:
                try:
                    yield (await lent.get_raw_connection()).driver_connection
                except BaseException:
                    await lent.invalidate()  # cut off or cancelled: its state is anyone's guess
                    raise
        except (OSError, SQLAlchemyError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            self._forget()
            raise RecorderUnavailable(f"{type(error).__name__}: {error}") from error

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
        """One statement, so one round trip and one transaction, once months and jobs are known."""
        await self._learn_days(connection, runs)
        await self._learn_jobs(connection, runs)
        rows = [
            row_of(key, report, job_id=self._job_id(report), address=self._address)
            for key, report in runs
        ]
        await connection.execute(_RECORD, *zip(*rows, strict=True), self._timezone)

    async def _learn_days(self, connection: asyncpg.Connection, runs: Sequence[_Run]) -> None:
        """Make the months of *runs* exist; asked for once a day, which is simpler to tell."""
        new = {key[2] // _DAY_MS for key, _ in runs} - self._days
        if new:
            await connection.execute(_ADD_PARTITION, sorted(new))
            self._days |= new

    async def _learn_jobs(self, connection: asyncpg.Connection, runs: Sequence[_Run]) -> None:
        triggers = [report.trigger for _, report in runs if report.trigger.cluster != LOCAL]
        handlers = {job_of(trigger): clean(trigger.handler, 255) for trigger in triggers}
        new = sorted(handlers.keys() - self._jobs.keys())
        if new:
            clusters, ids = zip(*new, strict=True)
            await connection.execute(_ADD_JOBS, clusters, ids, [handlers[job] for job in new])
            found = await connection.fetch(_FIND_JOBS, clusters, ids)
            self._jobs.update({(row[0], row[1]): row[2] for row in found})

    def _job_id(self, report: Report) -> int:
        cluster, job_id = job_of(report.trigger)
        return job_id if cluster == LOCAL else self._jobs[cluster, job_id]

    def _forget(self) -> None:
        """Ask again: what was known may be of a database that was replaced meanwhile."""
        self._jobs.clear()
        self._days.clear()
