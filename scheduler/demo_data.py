"""Test data: jobs of every kind, their configs, and a week of runs with their statistics."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from executor.clock import Clock, moment
from executor.model import LOCAL, Report, RunState, Source, Trigger
from scheduler.configs import ConfigService
from scheduler.job import Job, JobStatus, MisfirePolicy, RetryStrategy, ScheduleType
from scheduler.job_control import Action
from scheduler.job_service import JobService
from scheduler.job_store import JobFilter
from scheduler.recorder import Recorder

GROUP = "demo"
_DAY_MS = 86_400_000
_DAYS, _A_DAY = 7, 4
_NEW_IDS = text(
    "SELECT nextval('qooerp_scheduler.schedule_log_id_seq') FROM generate_series(1, :number)"
)
_ENDINGS = (
    *((RunState.SUCCEEDED, "done"),) * 8,
    (RunState.FAILED, "the other side did not answer"),
    (RunState.TIMED_OUT, "job execute timeout after 60 s"),
    (RunState.KILLED, "killed by the demo"),
)


@dataclass(frozen=True, slots=True)
class DemoJob:
    """A job, and what comes with it."""

    job: Job
    parents: tuple[str, ...] = ()
    """Names of the jobs it depends on; they stand before it."""
    secrets: tuple[str, ...] = ()
    """Keys of secret configs."""
    endings: Sequence[tuple[RunState, str]] = field(default=_ENDINGS)


def _job(name: str, handler: str, status: JobStatus = JobStatus.RUNNING, **fields: object) -> Job:
    return replace(Job(name=name, group=GROUP, handler=handler, status=status), **fields)  # type: ignore[arg-type]


def _nightly(name: str, handler: str, at: str, params: str) -> Job:
    return _job(
        name,
        handler,
        schedule_type=ScheduleType.CRON,
        cron_expression=f"0 {at} * * ?",
        params=params,
        misfire_policy=MisfirePolicy.SKIP,
    )


JOBS = (
    DemoJob(
        _job(
            "cron: every five minutes",
            "sampleAsync",
            schedule_type=ScheduleType.CRON,
            cron_expression="0 */5 * * * ?",
        )
    ),
    DemoJob(
        _job(
            "interval: every minute",
            "sampleThread",
            schedule_type=ScheduleType.INTERVAL,
            interval_seconds=60,
        )
    ),
    DemoJob(_job("once: tomorrow", "sampleSharding", schedule_type=ScheduleType.ONCE)),
    DemoJob(
        _job(
            "by hand, with configs",
            "sampleParams",
            JobStatus.STOPPED,
            params="city=Berlin days=3",
            configs={"endpoint": "https://weather.example", "unit": "celsius"},
        ),
        secrets=("apiToken",),
    ),
    DemoJob(
        _job(
            "fails and is tried again",
            "sampleFail",
            JobStatus.STOPPED,
            schedule_type=ScheduleType.CRON,
            cron_expression="0 0 * * * ?",
            retry_strategy=RetryStrategy.EXPONENTIAL,
            retry_count=3,
            retry_interval_seconds=10,
            retry_max_interval_seconds=60,
        ),
        endings=((RunState.FAILED, "nothing to report today"),),
    ),
    DemoJob(
        _job(
            "paused",
            "sampleText",
            JobStatus.PAUSED,
            schedule_type=ScheduleType.INTERVAL,
            interval_seconds=3600,
            params="spoken aloud",
        )
    ),
    DemoJob(
        _job(
            "graph: extract",
            "sampleProcess",
            schedule_type=ScheduleType.CRON,
            cron_expression="0 0/10 * * * ?",
        )
    ),
    DemoJob(_job("graph: transform", "sampleAsync"), parents=("graph: extract",)),
    DemoJob(_job("graph: check", "sampleThread"), parents=("graph: extract",)),
    DemoJob(_job("graph: load", "sampleAsync"), parents=("graph: transform", "graph: check")),
    DemoJob(_nightly("clean up", "dataCleanup", "10 3", "keep_log_days=90")),
    DemoJob(_nightly("report", "statisticsReport", "20 3", "days=7")),
    DemoJob(_nightly("back up", "dataBackup", "30 3", "keep=7")),
)


async def fill(
    jobs: JobService,
    configs: ConfigService,
    recorder: Recorder,
    *,
    database: AsyncEngine,
    clock: Clock,
) -> int:
    """Make what is not there yet, found by name in the group; how many jobs were made."""
    known = {job.name: job.id for job in await jobs.all(JobFilter(group=GROUP))}
    made = 0
    for demo in JOBS:
        if demo.job.name in known:
            continue
        job = await _make(demo, known, jobs, configs, clock)
        known[job.name] = job.id
        made += 1
        async with database.begin() as connection:
            ids = list(await connection.scalars(_NEW_IDS, {"number": _DAYS * _A_DAY}))
        await recorder.record(list(_runs(job, demo, ids, clock.now_ms())))
    return made


async def _make(
    demo: DemoJob, known: dict[str, int], jobs: JobService, configs: ConfigService, clock: Clock
) -> Job:
    parents = tuple(known[name] for name in demo.parents)
    job = replace(demo.job, depends_on=parents, timezone=jobs.timezone)
    if job.schedule_type is ScheduleType.ONCE:
        job = replace(job, run_at=moment(clock.now_ms()) + timedelta(days=1))
    paused = job.status is JobStatus.PAUSED
    made = await jobs.create(replace(job, status=JobStatus.RUNNING) if paused else job)
    if paused:
        await jobs.control(made.id, Action.PAUSE)
    for key in demo.secrets:
        await configs.set(made.id, key, "a secret of the demo", secret=True)
    return made


def _runs(job: Job, demo: DemoJob, ids: Sequence[int], now_ms: int) -> Iterator[Report]:
    """Runs of the job, spread over the last days, the oldest first."""
    step = _DAYS * _DAY_MS // len(ids)
    for place, log_id in enumerate(ids, start=1):
        start = now_ms - (len(ids) + 1 - place) * step + job.id % 1000 * 1000
        state, message = demo.endings[(place + job.id) % len(demo.endings)]
        yield Report(
            run_id=place,
            revision=place,
            trigger=Trigger(
                cluster=LOCAL,
                log_id=log_id,
                triggered_ms=start,
                job_id=job.id,
                handler=job.handler,
                params=job.params,
                source=Source.API,
            ),
            state=state,
            accepted_ms=start,
            started_ms=start + 5,
            ended_ms=start + 60_000 if state is RunState.TIMED_OUT else start + 100 + place * 37,
            message=message,
        )
