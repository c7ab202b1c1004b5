"""A job as an Admin's console knows it, and as we do: pure, both ways.

What only we have (description, configs) and what only an Admin has (route, author, alarm mail,
script, children) is in no mapping: an update leaves it as it is there.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from executor.model import BlockStrategy
from scheduler.job import Engine, Job, JobStatus, MisfirePolicy, RetryStrategy, ScheduleType
from scheduler.run_row import clean

if TYPE_CHECKING:
    from collections.abc import Mapping

    from admin_bridge.console import AdminJob, JobFields

_MISFIRES = {MisfirePolicy.FIRE_ONCE: "FIRE_ONCE_NOW", MisfirePolicy.SKIP: "DO_NOTHING"}
_POLICIES = {word: policy for policy, word in _MISFIRES.items()}
_BLOCKS = {block.value: block for block in BlockStrategy}
_RATES = ("FIX_RATE", "FIX_DELAY")
"""No Admin so far takes FIX_DELAY; all know the word."""
_NAME, _HANDLER, _PARAMS, _CRON = 200, 255, 65_535, 500
"""Characters that our columns hold."""
_MOST_INT = 2**31 - 1


def job_of(admin: AdminJob, *, cluster: str, group: str, timezone: str) -> Job:
    """The Admin's job as ours: *group* is its group's app name, *timezone* the Admin's IANA zone.

    It is stopped or running; whether it is paused is known here alone (`status_of`).
    """
    fields = admin.fields
    kind, cron, interval = _rule_of(fields)
    retries = _whole(fields.retry_count)
    return Job(
        job_no=f"XXL-{cluster}-{admin.id}",
        name=clean(fields.name, _NAME),
        group=group,
        engine=Engine.XXL,
        cluster=cluster,
        admin_job_id=admin.id,
        handler=clean(fields.handler, _HANDLER),
        params=clean(fields.params, _PARAMS),
        schedule_type=kind,
        cron_expression=cron,
        interval_seconds=interval,
        timezone=timezone,
        misfire_policy=_POLICIES.get(fields.misfire, MisfirePolicy.SKIP),
        block_strategy=_BLOCKS.get(fields.block, BlockStrategy.SERIAL),
        timeout_seconds=_whole(fields.timeout_s),
        retry_strategy=RetryStrategy.FIXED if retries else RetryStrategy.NONE,
        retry_count=retries,
        status=JobStatus.RUNNING if admin.running else JobStatus.STOPPED,
        next_run_time=admin.next_trigger if admin.running else None,
        create_time=admin.added_at,
        update_time=admin.updated_at,
    )


def status_of(*, running: bool, was: JobStatus) -> JobStatus:
    """The status of a job that was *was* here, and whose schedule is on or off at the Admin."""
    if running:
        return JobStatus.RUNNING
    return JobStatus.PAUSED if was is JobStatus.PAUSED else JobStatus.STOPPED


def form_of(job: Job) -> dict[str, Any]:
    """What *job* is in an Admin's form, by the names of `JobFields`; it has to be possible there."""
    return {
        "name": job.name,
        "handler": job.handler,
        "params": job.params,
        **_schedule_of(job),
        "misfire": _MISFIRES[job.misfire_policy],
        "block": job.block_strategy.value,
        "timeout_s": job.timeout_seconds,
        "retry_count": job.retry_count,
    }


def merged(there: JobFields, old: Job, new: Job) -> JobFields:
    """*there* with what *new* has otherwise than *old*; all else stays as the Admin has it."""
    was, wanted = form_of(old), form_of(new)
    changed = {name: value for name, value in wanted.items() if value != was[name]}
    if changed.keys() & {"schedule_type", "schedule_conf"}:
        changed |= _schedule_of(new)
    return replace(there, **changed)


def as_mirrored(job: Job) -> Job:
    """*job* as it comes back from an Admin: what says nothing there is gone."""
    schedule = _schedule_of(job)
    kind, cron, interval = _read_rule(schedule["schedule_type"], schedule["schedule_conf"])
    return replace(
        job,
        schedule_type=kind,
        cron_expression=cron,
        interval_seconds=interval,
        run_at=None,
        retry_strategy=RetryStrategy.FIXED if job.retry_count else RetryStrategy.NONE,
    )


def _schedule_of(job: Job) -> Mapping[str, str]:
    match job.schedule_type:
        case ScheduleType.CRON:
            return {"schedule_type": "CRON", "schedule_conf": job.cron_expression or ""}
        case ScheduleType.INTERVAL:
            return {"schedule_type": "FIX_RATE", "schedule_conf": str(job.interval_seconds)}
    return {"schedule_type": "NONE", "schedule_conf": ""}


def _rule_of(fields: JobFields) -> tuple[ScheduleType, str | None, int | None]:
    return _read_rule(fields.schedule_type, fields.schedule_conf)


def _read_rule(kind: str, conf: str) -> tuple[ScheduleType, str | None, int | None]:
    """The rule's type, cron expression and interval; what cannot be read is never due."""
    if kind == "CRON" and conf.strip():
        return ScheduleType.CRON, clean(conf, _CRON), None
    if kind in _RATES and conf.isascii() and conf.isdigit() and 0 < int(conf) <= _MOST_INT:
        return ScheduleType.INTERVAL, None, int(conf)
    return ScheduleType.NONE, None, None


def _whole(number: int) -> int:
    return max(0, min(number, _MOST_INT))
