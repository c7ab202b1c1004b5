"""Handlers of processes: apart, because a service that has one keeps a process for them."""

from __future__ import annotations

import json
import time

from executor import JobContext, job_handler


@job_handler("nap-process", isolation="process")
def nap_process(_: JobContext, params: str) -> None:
    time.sleep(float(params))


@job_handler("parentsProcess", isolation="process")
def parents_process(ctx: JobContext) -> str:
    """Tell what the jobs that it has waited for have said."""
    return json.dumps(dict(ctx.parents))
