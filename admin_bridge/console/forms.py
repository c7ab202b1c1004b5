"""A job's fields under the wire's names."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from admin_bridge.console.model import JobFields


def job_form(fields: JobFields) -> dict[str, str]:
    """Every field of an add or an update; what a generation does not know it ignores.

    Absent ones would be cleared. jobCron is the schedule of 2.2.
    """
    return {
        "jobGroup": str(fields.group_id),
        "jobDesc": fields.name,
        "author": fields.author,
        "alarmEmail": fields.alarm_email,
        "scheduleType": fields.schedule_type,
        "scheduleConf": fields.schedule_conf,
        "jobCron": fields.schedule_conf if fields.schedule_type == "CRON" else "",
        "misfireStrategy": fields.misfire,
        "executorRouteStrategy": fields.route,
        "executorHandler": fields.handler,
        "executorParam": fields.params,
        "executorBlockStrategy": fields.block,
        "executorTimeout": str(fields.timeout_s),
        "executorFailRetryCount": str(fields.retry_count),
        "glueType": fields.glue_type,
        "glueSource": "",
        "glueRemark": "created",
        "childJobId": ",".join(map(str, fields.children)),
    }


def job_json(fields: JobFields) -> dict[str, object]:
    """The same for the token API, which calls the description a name and takes no children."""
    numbers = {
        "jobGroup": fields.group_id,
        "executorTimeout": fields.timeout_s,
        "executorFailRetryCount": fields.retry_count,
    }
    left_out = ("jobDesc", "jobCron", "childJobId")
    form = {name: text for name, text in job_form(fields).items() if name not in left_out}
    return {**form, **numbers, "name": fields.name}
