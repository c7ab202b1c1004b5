"""Jobs as the API shows and takes them; the names within are those of `scheduler.job.Job`."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, TypeVar

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from executor.model import BlockStrategy
from scheduler.api.shapes import Count, Given, Id, Line, Moment, Name, Paging, Told
from scheduler.job import (
    Engine,
    HolidayPolicy,
    IntervalMode,
    Job,
    JobStatus,
    MisfirePolicy,
    RetryStrategy,
    ScheduleType,
)
from scheduler.job_rule import zone_of

_DAY_S = 86_400

Seconds = Annotated[int, Field(ge=0, le=366 * _DAY_S)]
Group = Annotated[Name, Field(max_length=100)]
Handler = Annotated[Name, Field(max_length=255)]
Cluster = Annotated[Name, Field(max_length=64)]
Description = Annotated[Line, Field(max_length=2000)]
Params = Annotated[Line, Field(max_length=65_535, description="JSON, k=v pairs, or any text.")]
Cron = Annotated[
    Line, Field(min_length=1, max_length=500, description="6 or 7 fields (Quartz), 5 (Unix).")
]
Interval = Annotated[int, Field(ge=1, le=366 * _DAY_S, description="Seconds between runs.")]
Mode = Annotated[
    IntervalMode,
    Field(description="fixed_rate: from due time to due time; fixed_delay: from a run's end."),
]
Zone = Annotated[Name, Field(max_length=64, description="IANA zone in which the rule is read.")]
RunAt = Annotated[Moment, Field(description="Without an offset from UTC: in the job's zone.")]
Retries = Annotated[int, Field(ge=0, le=1000, description="Attempts after the first.")]
DependsOn = Annotated[
    tuple[Id, ...],
    Field(max_length=100, description="Ids of jobs."),
    AfterValidator(lambda ids: tuple(sorted(set(ids)))),  # as they are read again
]
Key = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.:/-]*$", min_length=1, max_length=128)
]
Configs = Annotated[
    dict[Key, Annotated[Line, Field(max_length=65_535)]],
    Field(max_length=200, description="What handlers read as ctx.config; secrets are masked."),
]


class _JobGiven(Given):
    """What may be said of a job when it is made."""

    group: Group = Field("default", alias="jobGroup")
    description: Description = ""
    params: Params = ""
    schedule_type: ScheduleType = ScheduleType.NONE
    cron_expression: Cron | None = None
    interval_seconds: Interval | None = None
    interval_mode: Mode = IntervalMode.FIXED_RATE
    run_at: RunAt | None = None
    misfire_policy: MisfirePolicy = MisfirePolicy.FIRE_ONCE
    block_strategy: BlockStrategy = BlockStrategy.SERIAL
    timeout_seconds: Annotated[Seconds, Field(description="Limit on running; 0: none.")] = 0
    retry_strategy: RetryStrategy = RetryStrategy.NONE
    retry_count: Retries = 0
    retry_interval_seconds: Seconds = 0
    retry_max_interval_seconds: Annotated[Seconds, Field(description="0: no cap.")] = 0
    depends_on: DependsOn = ()
    configs: Configs = Field(default_factory=dict)
    calendar_name: Annotated[Name, Field(max_length=64)] | None = None
    holiday_policy: HolidayPolicy = HolidayPolicy.SKIP


class JobNew(_JobGiven):
    """A job to be made."""

    name: Name = Field(alias="jobName")
    handler: Handler = Field(alias="handlerName")
    timezone: Zone | None = Field(None, description="Without one: the service's.")
    engine: Engine = Field(Engine.LOCAL, description="xxl: it is made at the Admin, and seen here.")
    cluster: Cluster | None = Field(
        None, description="Engine xxl: which Admin cluster; needed where there are several."
    )
    status: JobStatus = Field(JobStatus.STOPPED, description="running: it is started at once.")

    def job(self, timezone: str) -> Job:
        """The job it says; *timezone* is the one of local jobs that name none: Admins have theirs."""
        default = timezone if self.engine is Engine.LOCAL else ""
        return Job(**self.model_dump() | {"timezone": self.timezone or default})


_Told = TypeVar("_Told", bound=Told)
_MOMENTS = (
    *("run_at", "next_run_time", "last_run_time", "create_time", "update_time", "mirrored_at"),
)


class JobChange(_JobGiven):
    """What of a job is to be changed: what is left out stays as it is.

    A job may be sent back as it was read: what is not for people to write is then compared, or
    not looked at where time moves it on.
    """

    version: Annotated[Count, Field(description="Of the job as it was read.")]
    name: Name = Field("", alias="jobName")
    handler: Annotated[Line, Field(max_length=255)] = Field("", alias="handlerName")
    timezone: Zone = "UTC"
    id: Id | None = None
    job_no: Name | None = None
    engine: Engine | None = None
    cluster: Cluster | None = None
    admin_job_id: Id | None = None
    status: JobStatus | None = Field(None, description="Is changed by start, stop, pause, resume.")
    next_run_time: datetime | None = None
    last_run_time: datetime | None = None
    create_time: datetime | None = None
    update_time: datetime | None = None
    mirrored_at: datetime | None = None

    def changes(self) -> dict[str, object]:
        """What was said, by the names of `Job`."""
        return self.model_dump(exclude_unset=True, exclude={"version", *_MOMENTS} - {"run_at"})


def in_its_zone(told: _Told, timezone: str, names: Iterable[str]) -> _Told:
    """*told*, just made, with its moments *names* in the job's zone."""
    zone = zone_of(timezone)
    for name in names:
        value = getattr(told, name)
        if value is not None:
            told.__dict__[name] = value.astimezone(zone)  # it is frozen for others
    return told


class JobTold(Told):
    """A job."""

    id: int
    job_no: str = Field(description="Readable and unique.")
    name: str = Field(alias="jobName")
    group: str = Field(alias="jobGroup")
    description: str
    engine: Engine
    cluster: str | None = Field(description="Engine xxl: the Admin cluster that has it.")
    admin_job_id: int | None = Field(description="Engine xxl: its id in that Admin.")
    mirrored_at: datetime | None = Field(
        description="Engine xxl: when its fields were last copied; null: known only from a run."
    )
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
    depends_on: tuple[int, ...]
    configs: dict[str, str]
    calendar_name: str | None
    holiday_policy: HolidayPolicy
    status: JobStatus
    next_run_time: datetime | None = Field(description="In the job's zone; null: never.")
    last_run_time: datetime | None
    version: int = Field(description="Has to be sent with an update.")
    create_time: datetime | None
    update_time: datetime | None

    @model_validator(mode="after")
    def _in_its_zone(self) -> JobTold:
        return in_its_zone(self, self.timezone, _MOMENTS)


class JobQuery(Paging):
    """Which jobs are wanted."""

    name: Name | None = Field(None, alias="jobName", description="A part of it, in any case.")
    job_no: Name | None = None
    group: Group | None = Field(None, alias="jobGroup")
    status: JobStatus | None = None
    engine: Engine | None = None
    schedule_type: ScheduleType | None = None
    handler: Handler | None = Field(None, alias="handlerName")


class Execution(Given):
    """A job to be run now."""

    job_id: Id
    params: Params | None = Field(None, description="Of this run; without: the job's own.")


class Executed(Told):
    log_id: int = Field(description="The run's id.")


class FiresQuery(Given):
    count: Annotated[int, Field(ge=1, le=100, description="How many, at most.")] = 20


class SkippedTold(Told):
    """A time of the rule at which the job does not run."""

    time: datetime
    reason: str


class FiresTold(Told):
    """When a job is due, were it running; times are in its zone."""

    timezone: str
    status: JobStatus
    fires: list[datetime]
    skipped: list[SkippedTold]


class ReasonTold(Told):
    """One of the things that explain why a job did or did not run."""

    code: str = Field(
        description="no_handler, stopped, paused, foreign, put_aside, no_rule, no_future, after_run,"
        " due, late,"
        " no_engine, waits, planned, under_way, never_ran or last_run."
    )
    message: str = Field(description="For people; times are in the job's zone.")


class ExplanationTold(Told):
    """Why a job did or did not run."""

    job_id: int
    status: JobStatus
    next_run_time: datetime | None
    engines: int = Field(description="Services alive that could fire it.")
    reasons: list[ReasonTold]
