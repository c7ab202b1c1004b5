"""Many jobs at once: batches, and jobs that move from one service to another."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field, model_validator

from executor.model import BlockStrategy
from scheduler.api.job_shapes import JobNew, in_its_zone
from scheduler.api.shapes import Given, Id, Told
from scheduler.job import HolidayPolicy, IntervalMode, MisfirePolicy, RetryStrategy, ScheduleType


class Batch(Given):
    """Jobs that the same is done to."""

    ids: Annotated[tuple[Id, ...], Field(min_length=1, max_length=500)]


class Outcome(Told):
    """What became of one of a batch."""

    id: int
    ok: bool
    message: str


class Import(Given):
    """Jobs to be made, all or none."""

    jobs: Annotated[tuple[JobNew, ...], Field(min_length=1, max_length=1000)]


class JobCopy(Told):
    """A job as another service can import it."""

    name: str = Field(alias="jobName")
    group: str = Field(alias="jobGroup")
    description: str
    handler: str = Field(alias="handlerName")
    params: str
    schedule_type: ScheduleType
    cron_expression: str | None
    interval_seconds: int | None
    interval_mode: IntervalMode
    run_at: datetime | None
    timezone: str
    misfire_policy: MisfirePolicy
    block_strategy: BlockStrategy
    timeout_seconds: int
    retry_strategy: RetryStrategy
    retry_count: int
    retry_interval_seconds: int
    retry_max_interval_seconds: int
    configs: dict[str, str]
    calendar_name: str | None
    holiday_policy: HolidayPolicy

    @model_validator(mode="after")
    def _in_its_zone(self) -> JobCopy:
        return in_its_zone(self, self.timezone, ["run_at"])


class Export(Told):
    jobs: list[JobCopy]
