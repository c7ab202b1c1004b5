"""The endpoints of statistics."""

from __future__ import annotations

from collections.abc import Sequence

from scheduler import statistics
from scheduler.api.endpoint import get
from scheduler.api.run_shapes import (
    DaysQuery,
    DayTold,
    HandlerLoopTold,
    JobIdPath,
    JobStatisticsTold,
    MonitorTold,
    PoolTold,
)
from scheduler.job_rule import zone_of
from scheduler.pools import Pools


class Statistics:
    """What runs have come to, counted as they end."""

    def __init__(self, counts: statistics.Statistics, pools: Pools) -> None:
        self._counts = counts
        self._pools = pools

    @get("/statistics/job/{jobId}")
    async def of_job(self, path: JobIdPath) -> JobStatisticsTold:
        """Read the statistics of a job, since it was made."""
        counts = await self._counts.of_job(path.job_id)
        return JobStatisticsTold.model_validate(counts).in_zone(zone_of(counts.timezone))

    @get("/statistics/job/{jobId}/daily")
    async def of_job_by_day(self, path: JobIdPath, query: DaysQuery) -> Sequence[DayTold]:
        """Read the statistics of a job by day, newest first; days without runs are left out."""
        days = await self._counts.by_day(query.days, job_id=path.job_id)
        return [DayTold.model_validate(day) for day in days]

    @get("/statistics/daily")
    async def by_day(self, query: DaysQuery) -> Sequence[DayTold]:
        """Read the statistics of all jobs by day, newest first; days without runs are left out."""
        return [DayTold.model_validate(day) for day in await self._counts.by_day(query.days)]

    @get("/statistics/monitor")
    async def monitor(self) -> MonitorTold:
        """Read how many jobs there are, what ran ever and today, and how busy the pools are."""
        found, pools = await self._counts.monitor(), await self._pools.loads()
        blocks, blocked_s = self._pools.blocks()
        return MonitorTold(
            total_jobs=sum(found.jobs.values()),
            running_jobs=found.jobs["running"],
            paused_jobs=found.jobs["paused"],
            stopped_jobs=found.jobs["stopped"],
            total_executions=found.ever.execute_count,
            total_success=found.ever.success_count,
            total_failures=found.ever.fail_count,
            success_rate=found.ever.success_rate,
            fail_rate=found.ever.fail_rate,
            today_executions=found.today.execute_count,
            today_success=found.today.success_count,
            today_failures=found.today.fail_count,
            pools={name: PoolTold(**pool) for name, pool in pools.items()},
            handler_loop=HandlerLoopTold(blocks=blocks, blocked_seconds=round(blocked_s, 3)),
        )
