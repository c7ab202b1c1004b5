"""What runs have come to: of a job, by day, and of the whole service; nothing is counted here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Label, RowMapping, Table, func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from executor.clock import Clock, moment
from scheduler.job import JobStatus
from scheduler.refusal import NotFound
from scheduler.tables import (
    schedule_daily,
    schedule_job,
    schedule_job_daily,
    schedule_job_statistics,
)

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
        table = schedule_job_statistics
        query = (
            select(schedule_job.c.id.label("job_id"), *(table.c[name] for name in _COUNTS))
            .add_columns(table.c.last_run_time, table.c.last_status)
            .join(table, table.c.job_id == schedule_job.c.id, isouter=True)
            .where(schedule_job.c.id == job_id)
        )
        async with self._engine.connect() as connection:
            row = (await connection.execute(query)).mappings().one_or_none()
        if row is None:
            raise NotFound("job", job_id)
        return JobStatistics(
            job_id=row["job_id"],
            last_run_time=row["last_run_time"],
            last_status=row["last_status"],
            **_counts(row),
        )

    async def by_day(self, days: int, *, job_id: int | None = None) -> Sequence[DayStatistics]:
        """The last *days* days on which anything ran, newest first; of a job, or of all."""
        table = schedule_daily if job_id is None else schedule_job_daily
        query = select(table.c.day, *_sums(table)).group_by(table.c.day)
        query = query.where(table.c.day > self._today() - timedelta(days=days))
        if job_id is not None:
            query = query.where(schedule_job_daily.c.job_id == job_id)
        async with self._engine.connect() as connection:
            rows = await connection.execute(query.order_by(table.c.day.desc()))
            return [DayStatistics(day=row["day"], **_counts(row)) for row in rows.mappings()]

    async def monitor(self) -> Monitor:
        """How many jobs there are, and what ran: ever, and today."""
        by_status = (
            select(schedule_job.c.status, func.count())
            .where(schedule_job.c.deleted_at.is_(None))
            .group_by(schedule_job.c.status)
        )
        ever = select(*_sums(schedule_daily))
        today = ever.where(schedule_daily.c.day == self._today())
        async with self._engine.connect() as connection:
            jobs = {row[0]: row[1] for row in await connection.execute(by_status)}
            return Monitor(
                jobs={status.value: jobs.get(status, 0) for status in JobStatus},
                ever=Counts(**_counts((await connection.execute(ever)).mappings().one())),
                today=Counts(**_counts((await connection.execute(today)).mappings().one())),
            )

    def _today(self) -> date:
        return moment(self._clock.now_ms()).astimezone(self._zone).date()


def _sums(table: Table) -> list[Label[int]]:
    """Its counts, summed up; the longest duration is the longest of all."""
    return [
        (func.max if name == "duration_max_ms" else func.sum)(table.c[name]).label(name)
        for name in _COUNTS
    ]


def _counts(row: RowMapping) -> dict[str, int]:
    return {name: int(row[name] or 0) for name in _COUNTS}


def _share(part: int, whole: int, *, digits: int = 4) -> float:
    return round(part / whole, digits) if whole else 0.0
