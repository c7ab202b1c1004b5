"""What runs have come to: of a job, by day, and of the whole service; nothing is counted here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncEngine

from executor.clock import Clock, moment
from scheduler.engine.link import lent
from scheduler.job import JobStatus
from scheduler.job_reader import refuse_unknown
from scheduler.refusal import NotFound

_COUNTS = (
    "execute_count",
    "success_count",
    "fail_count",
    "timeout_count",
    "discard_count",
    "duration_count",
    "duration_sum_ms",
    "duration_max_ms",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Of final runs; those that were discarded are counted apart."""

    execute_count: int = 0
    success_count: int = 0
    fail_count: int = 0
    """Failed, timed out, killed or interrupted."""
    timeout_count: int = 0
    discard_count: int = 0
    duration_count: int = 0
    duration_sum_ms: int = 0
    duration_max_ms: int = 0

    @property
    def success_rate(self) -> float:
        """A share, 0 to 1; 0 where nothing has run."""
        return _share(self.success_count, self.execute_count)

    @property
    def fail_rate(self) -> float:
        return _share(self.fail_count, self.execute_count)

    @property
    def avg_duration_ms(self) -> float:
        """Of the runs that began; 0 where none did."""
        return _share(self.duration_sum_ms, self.duration_count, digits=1)

    @property
    def max_duration_ms(self) -> int:
        return self.duration_max_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class JobStatistics(Counts):
    """Of one job, since it was made."""

    job_id: int
    timezone: str
    """The job's."""
    last_run_time: datetime | None
    last_status: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DayStatistics(Counts):
    """Of one day in the zone of the service."""

    day: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Monitor:
    """Of the whole service."""

    jobs: dict[str, int]
    """How many are in each status."""
    ever: Counts
    today: Counts


class Statistics:
    """Reads what the recorder counts as runs become final."""

    def __init__(self, engine: AsyncEngine, clock: Clock, *, timezone: str) -> None:
        self._engine = engine
        self._clock = clock
        self._zone = ZoneInfo(timezone)

    async def of_job(self, job_id: int) -> JobStatistics:
        """Those of a job, be it deleted. Raise NotFound."""
        rows = await self._fetch(_OF_JOB, job_id)
        if not rows:
            raise NotFound("job", job_id)
        return JobStatistics(
            job_id=job_id,
            timezone=rows[0]["timezone"],
            last_run_time=rows[0]["last_run_time"],
            last_status=rows[0]["last_status"],
            **_counts(rows[0]),
        )

    async def by_day(self, days: int, *, job_id: int | None = None) -> Sequence[DayStatistics]:
        """The last *days* days on which anything ran, newest first; of a job, or of all.

        Raises NotFound for a job that never was.
        """
        since = self._today() - timedelta(days=days)
        if job_id is None:
            rows = await self._fetch(_BY_DAY, since)
        else:
            await refuse_unknown(self._engine, job_id)
            rows = await self._fetch(_OF_JOB_BY_DAY, since, job_id)
        return [DayStatistics(day=row["day"], **_counts(row)) for row in rows]

    async def monitor(self) -> Monitor:
        """How many jobs there are, and what ran: ever, and today."""
        async with lent(self._engine) as connection:
            jobs = {row[0]: row[1] for row in await connection.fetch(_JOBS)}
            ever = await connection.fetchrow(_EVER)
            today = await connection.fetchrow(f"{_EVER} WHERE day = $1", self._today())
        return Monitor(
            jobs={status.value: jobs.get(status, 0) for status in JobStatus},
            ever=Counts(**_counts(ever)),
            today=Counts(**_counts(today)),
        )

    async def _fetch(self, query: str, *args: object) -> list[Any]:
        async with lent(self._engine) as connection:
            rows: list[Any] = await connection.fetch(query, *args)
            return rows

    def _today(self) -> date:
        return moment(self._clock.now_ms()).astimezone(self._zone).date()


_SUMS = ", ".join(  # the longest duration is the longest of all
    f"{'max' if name == 'duration_max_ms' else 'sum'}({name})::bigint AS {name}" for name in _COUNTS
)
_EVER = f"SELECT {_SUMS} FROM qooerp_scheduler.schedule_daily"
_BY_DAY = f"""
    SELECT day, {_SUMS} FROM qooerp_scheduler.schedule_daily
    WHERE day > $1 GROUP BY day ORDER BY day DESC"""
_OF_JOB_BY_DAY = """
    SELECT * FROM qooerp_scheduler.schedule_job_daily
    WHERE day > $1 AND job_id = $2 ORDER BY day DESC"""
_OF_JOB = """
    SELECT s.*, j.timezone FROM qooerp_scheduler.schedule_job j
    LEFT JOIN qooerp_scheduler.schedule_job_statistics s ON s.job_id = j.id WHERE j.id = $1"""
_JOBS = """
    SELECT status, count(*) FROM qooerp_scheduler.schedule_job
    WHERE deleted_at IS NULL GROUP BY status"""


def _counts(row: Mapping[str, Any]) -> dict[str, int]:
    return {name: row[name] or 0 for name in _COUNTS}


def _share(part: int, whole: int, *, digits: int = 4) -> float:
    return round(part / whole, digits) if whole else 0.0
