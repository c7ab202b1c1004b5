"""A report as the row that records it: cleaned, bounded, in the order the statement wants."""

from __future__ import annotations

from collections.abc import Iterable

from executor.model import Report, Trigger
from scheduler.tables import schedule_log

Key = tuple[str, int, int]
"""Cluster, log id, trigger time in epoch milliseconds: the identity of a run."""

COLUMNS = {
    "cluster": "text",
    "admin_log_id": "bigint",
    "trigger_ms": "bigint",
    "job_id": "bigint",
    "handler_name": "text",
    "params": "text",
    "trigger_type": "text",
    "status": "text",
    "attempt": "integer",
    "scheduled_ms": "bigint",
    "start_ms": "bigint",
    "end_ms": "bigint",
    "duration_ms": "bigint",
    "result_code": "integer",
    "result_message": "text",
    "shard_index": "integer",
    "shard_total": "integer",
    "restarts": "integer",
    "revision": "bigint",
}
"""What `row_of` gives, with PostgreSQL's types; `…_ms` are epoch milliseconds."""

_INT4, _INT8 = 2**31 - 1, 2**63 - 1
_LAST_MS = 253_402_300_799_999
"""The end of the year 9999, after which Python has no dates."""
_LENGTHS = {column.name: getattr(column.type, "length", None) for column in schedule_log.c}


def key_of(report: Report) -> Key:
    """The identity under which the run of *report* is recorded."""
    return run_key(report.trigger)


def run_key(trigger: Trigger) -> Key:
    """The identity under which the run of *trigger* is recorded."""
    return (
        _text("cluster", trigger.cluster),
        _whole(trigger.log_id, _INT8),
        _whole(trigger.triggered_ms, _LAST_MS),
    )


def job_of(key: Key, trigger: Trigger) -> tuple[str, int]:
    """The job of the run *key* as its cluster numbers it."""
    return key[0], _whole(trigger.job_id, _INT8)


def newest(reports: Iterable[Report]) -> list[tuple[Key, Report]]:
    """One report for each run, ordered by identity: its first final one, else its newest."""
    found: dict[Key, Report] = {}
    for report in sorted(reports, key=lambda report: report.revision):
        key = key_of(report)
        if key not in found or not found[key].state.is_final:
            found[key] = report
    return sorted(found.items(), key=lambda item: item[0])


def row_of(key: Key, report: Report, job_id: int) -> tuple[object, ...]:
    """The values of `COLUMNS`."""
    trigger = report.trigger
    return (
        *key,
        job_id,
        _text("handler_name", trigger.handler),
        _text("params", trigger.params),
        trigger.source,
        report.state,
        _whole(trigger.attempt, _INT4),
        _whole(trigger.scheduled_ms or trigger.triggered_ms, _LAST_MS),
        _moment(report.started_ms),
        _moment(report.ended_ms),
        _duration(report),
        report.state.code if report.state.is_final else None,
        _text("result_message", report.message),
        _whole(trigger.shard_index, _INT4),
        _whole(trigger.shard_total, _INT4),
        _whole(report.restarts, _INT4),
        _whole(report.revision, _INT8),
    )


def clean(text: str, length: int) -> str:
    """*text* as PostgreSQL can hold it: no NUL, no half of a surrogate pair, at most *length*."""
    if not text.isascii():
        text = text.encode("utf-8", "replace").decode("utf-8")
    return text.replace("\x00", "")[:length]


def _text(column: str, text: str) -> str:
    return clean(text, _LENGTHS[column] or len(text))


def _whole(number: int, most: int) -> int:
    return number if 0 <= number <= most else most if number > 0 else 0


def _moment(epoch_ms: int | None) -> int | None:
    return None if epoch_ms is None else _whole(epoch_ms, _LAST_MS)


def _duration(report: Report) -> int | None:
    if report.started_ms is None or report.ended_ms is None:
        return None
    return _whole(report.ended_ms - report.started_ms, _LAST_MS)
