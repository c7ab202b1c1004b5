"""A row of an Admin's log as the run that it tells of."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from html import unescape
from typing import NamedTuple

from admin_bridge.console import AdminLog
from executor.model import RunState
from scheduler.run_row import clean

COLUMNS = {
    "admin_log_id": "bigint",
    "admin_job_id": "bigint",
    "trigger_time": "timestamptz",
    "handler_name": "text",
    "params": "text",
    "retries_left": "integer",
    "status": "text",
    "start_time": "timestamptz",
    "end_time": "timestamptz",
    "duration_ms": "bigint",
    "result_code": "integer",
    "result_message": "text",
    "executor_address": "text",
    "shard_index": "integer",
    "shard_total": "integer",
    "settled": "boolean",
}
"""What `row_of` gives, with PostgreSQL's types."""

SETTLED_AFTER = timedelta(seconds=60)
"""So long a run of our own may take to be recorded by its executor, who knows more of it."""
_GOOD = 200
_STATES = {_GOOD: RunState.SUCCEEDED, 502: RunState.TIMED_OUT}
_DISCARDED = "Discard Later"
"""In the refusal of every executor, whatever language its Admin speaks."""
_BREAK, _TAG = re.compile(r"<br\s*/?>\s*", re.IGNORECASE), re.compile(r"</?[a-zA-Z][^<>]*>")
_MOST_INT = 2**31 - 1


class Identity(NamedTuple):
    """Of a row within its cluster: after a wipe the same id stands for another run."""

    log_id: int
    triggered_at: datetime


def identity(log: AdminLog) -> Identity:
    return Identity(log.id, log.triggered_at)


def state_of(log: AdminLog) -> RunState:
    """What became of the run, as far as the Admin knows (`protocol.md` (d), logs)."""
    if log.handle_code > 0:
        return _STATES.get(log.handle_code, RunState.FAILED)
    if log.trigger_code == 0:
        return RunState.QUEUED
    if log.trigger_code == _GOOD:
        return RunState.RUNNING
    return RunState.DISCARDED if _DISCARDED in log.trigger_message else RunState.FAILED


def row_of(log: AdminLog, now: datetime) -> tuple[object, ...]:
    """The values of `COLUMNS`.

    An Admin knows when a run was triggered and when its end arrived, in whole seconds: what the
    executor took is held to have begun with its trigger.
    """
    state = state_of(log)
    end = _end(log) if state.is_final else None
    start = log.triggered_at if log.trigger_code == _GOOD else None
    return (
        log.id,
        log.job_id,
        log.triggered_at,
        clean(log.handler, 255),
        clean(log.params, 65_535),
        _whole(log.retries_left),
        state.value,
        start,
        end,
        _between(start, end),
        _code(log, state),
        clean(_message(log), 15_000),
        clean(log.address, 512),
        _whole(log.shard_index),
        max(1, _whole(log.shard_total)),
        end is not None and log.handle_code > 0 and now - end > SETTLED_AFTER,
    )


def once_each(logs: Iterable[AdminLog]) -> list[AdminLog]:
    """*logs* with the last reading of each, oldest trigger first."""
    found = {identity(log): log for log in logs}
    return [found[key] for key in sorted(found, key=lambda key: (key.triggered_at, key.log_id))]


def plain_text(markup: str) -> str:
    """The text of an Admin's message in HTML."""
    return unescape(_TAG.sub("", _BREAK.sub("\n", markup))).strip()


def _end(log: AdminLog) -> datetime:
    return log.handled_at or log.triggered_at


def _between(start: datetime | None, end: datetime | None) -> int | None:
    if start is None or end is None:
        return None
    return max(0, round((end - start).total_seconds() * 1000))


def _code(log: AdminLog, state: RunState) -> int | None:
    if not state.is_final:
        return None
    return min(log.handle_code if log.handle_code > 0 else log.trigger_code, _MOST_INT)


def _message(log: AdminLog) -> str:
    if log.handle_code > 0 or log.trigger_code in (0, _GOOD):
        return log.handle_message
    return plain_text(log.trigger_message)


def _whole(number: int) -> int:
    return max(0, min(number, _MOST_INT))
