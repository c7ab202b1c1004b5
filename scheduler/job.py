"""A job: what may be run, when, and how, as people have configured it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from executor.model import BlockStrategy


class Engine(StrEnum):
    """Who schedules a job."""

    LOCAL = "local"
    """This service."""
    XXL = "xxl"
    """An XXL-JOB Admin; here is a mirror of what it knows."""


class ScheduleType(StrEnum):
    """The kind of a job's rule."""

    CRON = "cron"
    INTERVAL = "interval"
    ONCE = "once"
    NONE = "none"
    """It is never due: people, other services and other jobs run it."""


class IntervalMode(StrEnum):
    """What an interval counts from."""

    FIXED_RATE = "fixed_rate"
    """From due time to due time, however long runs take."""
    FIXED_DELAY = "fixed_delay"
    """From the end of a run, and of the attempts after it, to the next due time."""


class JobStatus(StrEnum):
    """Whether a job is scheduled."""

    STOPPED = "stopped"
    RUNNING = "running"
    PAUSED = "paused"


class MisfirePolicy(StrEnum):
    """What is done about due times that passed while nobody could fire."""

    FIRE_ONCE = "fire_once"
    SKIP = "skip"
    FIRE_ALL = "fire_all"
    """All of them, up to a bound."""


class HolidayPolicy(StrEnum):
    """What is done about a due time on a day off of the job's calendar."""

    SKIP = "skip"
    SHIFT_BEFORE = "shift_before"
    SHIFT_AFTER = "shift_after"


class RetryStrategy(StrEnum):
    """How the waits between the attempts of a run grow."""

    NONE = "none"
    FIXED = "fixed"
    LINEAR = "linear"
    EXPONENTIAL = "exponential"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A row of `schedule_job`, with the jobs it depends on."""

    id: int = 0
    """0: not stored yet."""
    job_no: str = ""
    """Readable and unique, such as JOB-20261124-000001."""
    name: str
    group: str = "default"
    description: str = ""
    engine: Engine = Engine.LOCAL
    cluster: str | None = None
    """Engine xxl: the configured name of the Admin cluster that has it."""
    admin_job_id: int | None = None
    """Engine xxl: its id in that Admin."""
    mirrored_at: datetime | None = None
    """Engine xxl: when the Admin's fields were last copied; None: known only from a run."""
    handler: str = ""
    params: str = ""
    """Handed to each run whose trigger brings none."""
    schedule_type: ScheduleType = ScheduleType.NONE
    cron_expression: str | None = None
    interval_seconds: int | None = None
    interval_mode: IntervalMode = IntervalMode.FIXED_RATE
    run_at: datetime | None = None
    timezone: str = "UTC"
    """IANA zone in which the rule is read."""
    misfire_policy: MisfirePolicy = MisfirePolicy.FIRE_ONCE
    block_strategy: BlockStrategy = BlockStrategy.SERIAL
    timeout_seconds: int = 0
    """Limit on the running time; 0: none."""
    retry_strategy: RetryStrategy = RetryStrategy.NONE
    retry_count: int = 0
    """Attempts after the first."""
    retry_interval_seconds: int = 0
    retry_max_interval_seconds: int = 0
    """Cap on the wait; 0: none."""
    depends_on: tuple[int, ...] = ()
    """Ids of the jobs that must have succeeded first."""
    configs: Mapping[str, str] = field(default_factory=dict)
    """What its handlers read as `ctx.config`, as people see it: secrets are masked."""
    calendar_name: str | None = None
    """None: every day is a working day."""
    holiday_policy: HolidayPolicy = HolidayPolicy.SKIP
    status: JobStatus = JobStatus.STOPPED
    next_run_time: datetime | None = None
    last_run_time: datetime | None = None
    """Of the newest final run; from the statistics."""
    version: int = 1
    """Rises with each change by people."""
    create_time: datetime | None = None
    update_time: datetime | None = None
