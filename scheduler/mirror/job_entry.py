"""An Admin's job as the row that mirrors it, and what has to be done to the row that is there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from admin_bridge.console import AdminJob
from scheduler.job import JobStatus
from scheduler.run_row import clean
from scheduler.xxl.mapping import job_of, status_of

_COLUMN_OF = {"job_name": "name", "job_group": "group", "handler_name": "handler"}
_COPIED = (
    *("job_name", "job_group", "handler_name", "params", "schedule_type", "cron_expression"),
    *("interval_seconds", "timezone", "misfire_policy", "block_strategy", "timeout_seconds"),
    *("retry_strategy", "retry_count", "status", "next_run_time"),
)
_PASSING = {"next_run_time", "last_trigger", "updated_at", "added_at"}
"""What changes with each fire, or is learnt later: no change that anybody has made."""
_MOST = 2000
"""Characters of a text that only an Admin has."""
_WIDEST_ZONE_S, _ZONE_STEP_S = 14 * 3600, 15 * 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The group whose jobs are copied."""

    cluster: str
    app_name: str
    timezone: str
    """IANA zone in which its Admin reads rules."""


class Verdict(StrEnum):
    """What is to be done about a job that an Admin lists."""

    SAME = "same"
    ADD = "add"
    CHANGE = "change"
    REPLACE = "replace"
    """Another job has its id: the Admin's database was wiped. The old one is set aside."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    verdict: Verdict
    values: Mapping[str, Any]
    """The row's new columns; `admin_fields` among them."""
    changed: tuple[str, ...] = ()
    """What people have changed there, by our names; empty: only time has passed."""
    actions: tuple[str, ...] = ()
    """What that is called in the audit."""


def decided(admin: AdminJob, place: Place, old: Mapping[str, Any] | None) -> Decision:
    """What to do about *admin*; *old* is the row that has its id, None if there is none."""
    was = JobStatus(old["status"]) if old is not None else JobStatus.STOPPED
    new = values_of(admin, place, was=was)
    if old is None:
        return Decision(verdict=Verdict.ADD, values=new, actions=("create",))
    if is_another(admin, old["admin_fields"]):
        fresh = values_of(admin, place, was=JobStatus.STOPPED)
        return Decision(verdict=Verdict.REPLACE, values=fresh, actions=("create",))
    differing = _differing(old, new)
    if not differing and old["deleted_at"] is None:
        return Decision(verdict=Verdict.SAME, values=new)
    changed = tuple(name for name in differing if name not in _PASSING)
    return Decision(
        verdict=Verdict.CHANGE, values=new, changed=changed, actions=_actions(old, new, changed)
    )


def values_of(admin: AdminJob, place: Place, *, was: JobStatus) -> dict[str, Any]:
    """The copied columns; a pause is ours, so that *was* decides what a stopped job is."""
    job = job_of(admin, cluster=place.cluster, group=place.app_name, timezone=place.timezone)
    values = {name: getattr(job, _COLUMN_OF.get(name, name)) for name in _COPIED}
    values["status"] = status_of(running=admin.running, was=was)
    values["job_name"] = values["job_name"] or job.job_no
    return values | {"job_no": job.job_no, "admin_fields": admin_fields(admin)}


def admin_fields(admin: AdminJob) -> dict[str, Any]:
    """What only the Admin has of its job, as the row keeps it."""
    fields = admin.fields
    words = ("author", "alarm_email", "schedule_type", "schedule_conf", "misfire", "route")
    return {
        "group_id": fields.group_id,
        **{name: clean(getattr(fields, name), _MOST) for name in words},
        "glue_type": clean(fields.glue_type, _MOST),
        "children": list(fields.children),
        "last_trigger": _text(admin.last_trigger),
        "added_at": _text(admin.added_at),
        "updated_at": _text(admin.updated_at),
    }


def is_another(admin: AdminJob, known: Mapping[str, Any] | None) -> bool:
    """Whether *admin* is not the job that was *known* by its id, but one of a new database.

    A moment that is off by whole quarters of an hour is the same in another zone.
    """
    added = (known or {}).get("added_at")
    if not added or admin.added_at is None:
        return False
    apart = abs((datetime.fromisoformat(added) - admin.added_at).total_seconds())
    return apart > _WIDEST_ZONE_S + 1 or 1 < apart % _ZONE_STEP_S < _ZONE_STEP_S - 1


def _differing(old: Mapping[str, Any], new: Mapping[str, Any]) -> Sequence[str]:
    """Names of what is not as it was; of the Admin's own fields, one by one."""
    columns = [
        _COLUMN_OF.get(name, name) for name in _COPIED if _plain(old[name]) != _plain(new[name])
    ]
    was, now = old["admin_fields"] or {}, new["admin_fields"]
    own = [name for name, value in now.items() if was.get(name) != value and name not in columns]
    return (*columns, *own)


def _actions(
    old: Mapping[str, Any], new: Mapping[str, Any], changed: Sequence[str]
) -> tuple[str, ...]:
    """What people have done, in the words that the audit has for it."""
    if old["mirrored_at"] is None or old["deleted_at"] is not None:
        return ("create",)
    switched = ("start" if new["status"] is JobStatus.RUNNING else "stop",)
    return (
        *(("update",) if set(changed) - {"status"} else ()),
        *(switched if "status" in changed else ()),
    )


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, StrEnum) else value


def _text(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment is not None else None
