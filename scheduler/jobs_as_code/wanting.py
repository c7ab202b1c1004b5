"""What a file asks for, as the job that its scheduler would show: pure."""

from __future__ import annotations

from executor.errors import StartRefused
from scheduler.api.job_shapes import JobTold
from scheduler.job import Engine, Job, JobStatus
from scheduler.job_rule import checked
from scheduler.jobs_as_code.spec import JobSpec
from scheduler.refusal import Invalid
from scheduler.xxl.mapping import as_mirrored
from scheduler.xxl.possible import check


def wanted_job(spec: JobSpec, current: JobTold | None) -> Job:
    """The job that *spec* asks for, with times read in its zone, as its scheduler will show it.

    Raises StartRefused for what that scheduler cannot do.
    """
    zone = spec.timezone or (current.timezone if current is not None else "UTC")
    values = spec.model_dump() | {"timezone": zone, "depends_on": ()}
    job = Job(**values | {"status": spec.status or JobStatus.STOPPED})
    try:
        if spec.engine is Engine.LOCAL:
            return checked(job, None)
        check(job, None)
    except Invalid as refusal:
        name = JobSpec.model_fields[refusal.field].alias
        raise StartRefused(f"{spec.key}: {name}: {refusal}") from None
    return as_mirrored(job)
