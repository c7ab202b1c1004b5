"""The log rows of a fake Admin, and which facts of the protocol belong to which generation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

_KEPT = 15_000
"""What an Admin keeps of handleMsg, in Java's characters."""


class Generation(StrEnum):
    """A generation of the protocol; they compare in the order of their releases."""

    V2_2 = "2.2"
    V2_4 = "2.4"
    V3_2 = "3.2"
    V3_4 = "3.4"
    V3_5 = "3.5"

    @property
    def context_path(self) -> str:
        return "" if self >= Generation.V3_4 else "/xxl-job-admin"

    @property
    def payload_key(self) -> str:
        return "data" if self >= Generation.V3_4 else "content"

    @property
    def run_operation(self) -> str:
        return "trigger" if self >= Generation.V3_5 else "run"

    @property
    def log_time_key(self) -> str:
        return "logDateTime" if self >= Generation.V3_5 else "logDateTim"

    @property
    def login_path(self) -> str:
        return "/auth/login" if self >= Generation.V3_2 else "/toLogin"

    def reply(self, fault: str | None = None) -> dict[str, Any]:
        """What `/api` answers: success, or *fault*."""
        code = 200 if fault is None else 500
        if self < Generation.V3_2:
            return {"code": code, "msg": fault, "content": None}
        said = {"code": code, "msg": fault or "Success", "success": fault is None}
        return said | {self.payload_key: None}


@dataclass(slots=True)
class Row:
    """One line of the Admin's log table (`protocol.md` (d), row field)."""

    log_id: int
    job_id: int
    trigger_ms: int
    executor_address: str | None = None
    """None until the trigger has finished."""
    trigger_code: int = 0
    trigger_msg: str = ""
    handle_code: int = 0
    """0 or less: no final result yet."""
    handle_msg: str | None = None
    group_id: int = 1
    handler: str | None = None
    params: str | None = None
    shard: str | None = None
    """`index/total` of a broadcast."""
    retries_left: int = 0
    handle_ms: int | None = None
    alarm_status: int = 0

    @property
    def is_open(self) -> bool:
        return self.handle_code <= 0

    def finish(self, code: int, message: str | None, *, at_ms: int | None = None) -> None:
        """Take a callback; what came before with a code of 0 or less stays in front of it."""
        before = "" if self.handle_msg is None else self.handle_msg + "<br>"
        self.handle_code, self.handle_ms = code, at_ms
        self.handle_msg = _cut(before + (message or ""))


def _cut(text: str) -> str:
    return text.encode("utf-16-le", "replace")[: 2 * _KEPT].decode("utf-16-le", "replace")


class Rows(dict[int, Row]):
    """The log table, by log id."""

    def __init__(self, first_log_id: int) -> None:
        super().__init__()
        self._first = self._next = first_log_id

    def wipe(self) -> None:
        """Empty the table and start its ids again, as a new database does."""
        self.clear()
        self._next = self._first

    def opened(self, log_id: int | None, job_id: int, *, at_ms: int) -> Row:
        """A new row, or the row that has this *log_id*."""
        if log_id is None:
            log_id, self._next = self._next, self._next + 1
        return self.setdefault(log_id, Row(log_id, job_id, at_ms))

    def take(self, callback: Mapping[str, Any], generation: Generation, *, at_ms: int) -> None:
        """Store a callback; one for an unknown or a finished row changes nothing."""
        row = self.get(int(callback["logId"]))
        if row is None or not row.is_open:
            return
        if generation == Generation.V2_2:
            result = callback["executeResult"]
            row.finish(int(result["code"]), result.get("msg"), at_ms=at_ms)
        else:
            row.finish(int(callback.get("handleCode") or 0), callback.get("handleMsg"), at_ms=at_ms)
