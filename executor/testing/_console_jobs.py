"""A fake Admin's jobs on the wire: what a trigger of one sends, and the job API of 3.5."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from executor.testing._admin_rows import Generation
from executor.testing._console_access import PageFault
from executor.testing._console_tables import JOB_FIELDS, Job

if TYPE_CHECKING:
    from executor.testing._admin_api import Api
    from executor.testing.fake_console import FakeConsole


def run_body(job: Job, params: str | None, shard: tuple[int, int]) -> dict[str, Any]:
    """What a trigger of *job* sends, without what belongs to the one run; *params* over its own."""
    fields = job.fields
    return {
        "jobId": job.job_id,
        "executorHandler": fields["executorHandler"],
        "executorParams": fields["executorParam"] if params is None else params,
        "executorBlockStrategy": fields["executorBlockStrategy"],
        "executorTimeout": int(fields["executorTimeout"]),
        "glueType": fields["glueType"],
        "glueSource": "",
        "broadcastIndex": shard[0],
        "broadcastTotal": shard[1],
    }


def checked(form: Mapping[str, str], generation: Generation) -> dict[str, str]:
    """The fields of a job in a *form*; raise PageFault."""
    fields = {name: form.get(name, "") for name in JOB_FIELDS}
    if generation == Generation.V2_2:
        fields |= {"scheduleType": "CRON", "scheduleConf": form.get("jobCron", "")}
    if not fields["jobDesc"].strip() or not fields["author"].strip():
        raise PageFault("please input a description and an author")
    if fields["scheduleType"] == "CRON" and len(fields["scheduleConf"].split()) not in (6, 7):
        raise PageFault("Cronillegal")
    if fields["scheduleType"] not in ("NONE", "CRON", "FIX_RATE"):
        raise PageFault("Schedule Typeillegal")
    if fields["glueType"] == "BEAN" and not fields["executorHandler"].strip():
        raise PageFault("please input JobHandler")
    return fields


class JobApi:
    """`/api/addJob` and its like, by the access token of the group."""

    paths = (
        *("api/addJob", "api/updateJob", "api/removeJob"),
        *("api/startJob", "api/stopJob", "api/triggerJob"),
    )

    def __init__(self, console: FakeConsole, api: Api) -> None:
        self._console, self._api = console, api

    def answer(self, path: str, headers: Mapping[str, str], body: str) -> dict[str, Any]:
        """The JSON of the answer, which is always HTTP 200."""
        refusal = self._api.refusal("POST", headers, body)
        if refusal is not None:
            return self._console.generation.reply(refusal)
        value: dict[str, Any] = json.loads(body)
        try:
            given = self._done(path.removeprefix("api/"), value)
        except PageFault as fault:
            return self._console.generation.reply(str(fault))
        return self._console.generation.reply() | {"data": given}

    def _done(self, name: str, value: dict[str, Any]) -> object:
        console = self._console
        if name == "addJob":
            return str(console.put_job(checked(_form(value), console.generation)))
        job = console.jobs.get(int(value.get("id", 0)))
        if job is None and name == "removeJob":
            return None
        if job is None:
            raise PageFault("Job ID is illegal")
        if name == "updateJob":
            console.change_job(job.job_id, **(_form(value) | {"jobGroup": job.fields["jobGroup"]}))
        elif name == "removeJob":
            console.remove_job(job.job_id)
        elif name == "triggerJob":
            console.fire_soon(
                job.job_id, value.get("executorParam"), value.get("addressList") or ""
            )
        else:
            console.switch(job.job_id, on=name == "startJob")
        return None


def _form(value: dict[str, Any]) -> dict[str, str]:
    texts = {name: str(given) for name, given in value.items() if name in JOB_FIELDS}
    return texts | {"jobDesc": str(value.get("name", ""))}
