"""What a fake Admin's console lists besides log rows: users, groups and jobs; and its dates."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Any

from executor.testing._admin_rows import Generation, Row

_BARE = "%Y-%m-%d %H:%M:%S"


@dataclass(slots=True)
class User:
    """Somebody who may sign in."""

    name: str
    password: str
    role: int = 1
    """1 may all, 0 only the jobs and logs of its groups."""
    groups: frozenset[int] = frozenset()
    signatures: set[str] = field(default_factory=set)
    """The sessions that hold; since 3.2 a sign-in leaves one."""


@dataclass(slots=True)
class Group:
    """A job group."""

    group_id: int
    app_name: str
    title: str
    manual: str | None = None
    """Addresses that an operator typed in; None: they come from the registry."""


@dataclass(slots=True)
class Job:
    """A job; *fields* are the form's, as they were sent."""

    job_id: int
    fields: dict[str, str]
    added_ms: int
    updated_ms: int
    is_on: bool = False
    last_ms: int = 0
    next_ms: int = 0

    @property
    def group_id(self) -> int:
        return int(self.fields["jobGroup"])


JOB_FIELDS = {
    "jobGroup": "1",
    "jobDesc": "a job",
    "author": "somebody",
    "alarmEmail": "",
    "scheduleType": "NONE",
    "scheduleConf": "",
    "misfireStrategy": "DO_NOTHING",
    "executorRouteStrategy": "FIRST",
    "executorHandler": "",
    "executorParam": "",
    "executorBlockStrategy": "SERIAL_EXECUTION",
    "executorTimeout": "0",
    "executorFailRetryCount": "0",
    "glueType": "BEAN",
    "childJobId": "",
}
"""The form's fields, and what it shows first."""

NUMBERS = ("jobGroup", "executorTimeout", "executorFailRetryCount")


@dataclass(frozen=True, slots=True)
class Shown:
    """Rows as the console of a *generation* whose JVM is in *zone* shows them."""

    generation: Generation
    zone: tzinfo

    def group(self, group: Group, addresses: list[str], now_ms: int) -> dict[str, Any]:
        """A group; *addresses* are those in the registry."""
        registered = ",".join(addresses) or None
        return {
            "id": group.group_id,
            "appname": group.app_name,
            "title": group.title,
            "addressType": 0 if group.manual is None else 1,
            "addressList": registered if group.manual is None else group.manual,
            "registryList": addresses or None,
            "updateTime": self._date(now_ms, UTC),
        }

    def job(self, job: Job) -> dict[str, Any]:
        """A job."""
        fields: dict[str, Any] = {
            key: int(text) if key in NUMBERS else text for key, text in job.fields.items()
        }
        if self.generation == Generation.V2_2:
            del fields["scheduleType"], fields["misfireStrategy"]
            fields["jobCron"] = fields.pop("scheduleConf")
        return fields | {
            "id": job.job_id,
            "addTime": self._date(job.added_ms, UTC),
            "updateTime": self._date(job.updated_ms, UTC),
            "glueSource": "",
            "glueRemark": "created",
            "glueUpdatetime": self._date(job.added_ms, UTC),
            "triggerStatus": int(job.is_on),
            "triggerLastTime": job.last_ms,
            "triggerNextTime": job.next_ms,
        }

    def log(self, row: Row) -> dict[str, Any]:
        """A row of the log."""
        handled = row.handle_ms
        return {
            "id": row.log_id,
            "jobGroup": row.group_id,
            "jobId": row.job_id,
            "executorAddress": row.executor_address,
            "executorHandler": row.handler,
            "executorParam": row.params,
            "executorShardingParam": row.shard,
            "executorFailRetryCount": row.retries_left,
            "triggerTime": self._date(row.trigger_ms, self.zone),
            "triggerCode": row.trigger_code,
            "triggerMsg": row.trigger_msg or None,
            "handleTime": None if handled is None else self._date(handled, self.zone),
            "handleCode": row.handle_code,
            "handleMsg": row.handle_msg,
            "alarmStatus": row.alarm_status,
        }

    def page(self, rows: list[dict[str, Any]], total: int) -> dict[str, Any]:
        """A page of a list."""
        if self.generation < Generation.V3_4:
            return {"recordsTotal": total, "recordsFiltered": total, "data": rows}
        return {"data": rows, "total": total, "offset": 0, "pagesize": 0}

    def wall(self, millis: int) -> str:
        """A moment on the wall of the JVM."""
        return datetime.fromtimestamp(millis / 1000, self.zone).strftime(_BARE)

    def millis(self, wall: str) -> int:
        """The moment that the JVM's wall shows, epoch milliseconds."""
        moment = datetime.strptime(wall, _BARE).replace(tzinfo=self.zone)
        return int(moment.timestamp() * 1000)

    def _date(self, millis: int, bare_in: tzinfo) -> str:
        """Since 3.4.1 bare; before, with its offset, and milliseconds that are always 0."""
        if self.generation >= Generation.V3_4:
            return datetime.fromtimestamp(millis // 1000, bare_in).strftime(_BARE)
        moment = datetime.fromtimestamp(millis // 1000, UTC)
        return moment.strftime("%Y-%m-%dT%H:%M:%S.000+00:00")
