"""Runs, their logs and their statistics as the API shows them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from pydantic import Field, model_validator

from executor.model import RunState, Source
from scheduler.api.shapes import Between, Given, Id, Told
from scheduler.job_rule import zone_of

_TIMES = ("scheduled_time", "trigger_time", "start_time", "end_time")
Size = Annotated[int, Field(ge=1, le=500, description="How many, at most.")]
Line = Annotated[int, Field(ge=1, le=2**53, description="Number of the first line, from 1.")]


class RunPath(Given):
    id: Id = Field(description="The run's log id.")


class JobIdPath(Given):
    job_id: Id = Field(description="The job's id.")


class RunsOfJobQuery(Between):
    """Which runs of a job are wanted, by the time at which they were triggered."""

    status: RunState | None = None


class RunQuery(RunsOfJobQuery):
    """Which runs are wanted."""

    job_id: Id | None = None


class RecentQuery(Given):
    size: Size = 10


class RunTold(Told):
    """A run; its times are in the zone of its job."""

    id: int = Field(description="The log id.")
    cluster: str = Field(description="The Admin cluster that triggered it; `local`: our engine.")
    admin_log_id: int | None = Field(description="That Admin's number of it; null: a local run.")
    job_id: int
    job_name: str
    handler_name: str
    params: str
    trigger_type: Source
    status: RunState
    attempt: int = Field(description="1 for the first.")
    first_log_id: int | None = Field(description="Of the chain's first attempt; null: this is it.")
    scheduled_time: datetime = Field(description="As planned; the same in retries.")
    trigger_time: datetime
    start_time: datetime | None
    end_time: datetime | None
    duration_ms: int | None
    result_code: int | None = Field(description="200 success, 500 failure, 502 timeout.")
    result_message: str
    executor_address: str
    shard_index: int
    shard_total: int
    timezone: str = Field(exclude=True)

    @model_validator(mode="after")
    def _in_its_zone(self) -> RunTold:
        zone = zone_of(self.timezone)
        for name in _TIMES:
            value = getattr(self, name)
            if value is not None:
                self.__dict__[name] = value.astimezone(zone)
        return self


class Killed(Told):
    killed: bool


class TextQuery(Given):
    """Which part of a log is wanted."""

    from_line: Line = 1
    chars: Annotated[
        int, Field(ge=1, le=4 * 2**20, description="About how many characters, at most.")
    ] = 256 * 1024


class StreamQuery(Given):
    from_line: Line = 1


class TextTold(Told):
    """Some lines of a log."""

    text: str = Field(description="The lines joined by line feeds.")
    from_line: int
    last_line: int = Field(description="Ask on from the next one.")
    total_lines: int
    end: bool = Field(description="Nothing more will come.")


class _CountsTold(Told):
    execute_count: int = Field(description="Runs that ended and were not discarded.")
    success_count: int
    fail_count: int = Field(description="Failed, timed out, killed or interrupted.")
    timeout_count: int
    discard_count: int = Field(description="Triggers that the block strategy refused.")
    success_rate: float = Field(description="A share, 0 to 1; 0 where nothing ran.")
    fail_rate: float = Field(description="A share, 0 to 1; 0 where nothing ran.")
    avg_duration_ms: float
    max_duration_ms: int


class JobStatisticsTold(_CountsTold):
    """What the runs of a job have come to."""

    job_id: int
    last_run_time: datetime | None
    last_status: RunState | None


class DayTold(_CountsTold):
    """What the runs of a day have come to."""

    day: date = Field(description="In the zone of the service.")


class DaysQuery(Given):
    days: Annotated[int, Field(ge=1, le=3660, description="Up to today.")] = 30


class PoolTold(Told):
    """How busy a pool is."""

    running: int
    waiting: int
    limit: int


class HandlerLoopTold(Told):
    """How async handlers get on with each other, since the service began."""

    blocks: int = Field(description="How often one has blocked the others for a second or more.")
    blocked_seconds: float = Field(description="How long that lasted together.")


class MonitorTold(Told):
    """How the whole service does."""

    total_jobs: int
    running_jobs: int
    paused_jobs: int
    stopped_jobs: int
    total_executions: int
    total_success: int
    total_failures: int
    success_rate: float = Field(description="A share, 0 to 1; 0 where nothing ran.")
    fail_rate: float = Field(description="A share, 0 to 1; 0 where nothing ran.")
    today_executions: int = Field(description="Today, in the zone of the service.")
    today_success: int
    today_failures: int
    pools: dict[str, PoolTold]
    handler_loop: HandlerLoopTold
