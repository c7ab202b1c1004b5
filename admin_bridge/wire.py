"""What an Admin sends to an executor, and what it is answered (`protocol.md` (a))."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, TypeVar

import msgspec
import orjson
from msgspec import Meta, Struct, field

SUCCESS_CODE = 200
FAILURE_CODE = 500

MAX_NAME = 255
MAX_PARAMS = 1024 * 1024
MAX_SOURCE = 5 * 1024 * 1024
"""Limits on strings, in characters."""


class GlueType(StrEnum):
    """What a trigger wants to have run."""

    BEAN = "BEAN"
    GROOVY = "GLUE_GROOVY"
    SHELL = "GLUE_SHELL"
    PYTHON = "GLUE_PYTHON"
    PYTHON2 = "GLUE_PYTHON2"
    """Since 3.2, where GLUE_PYTHON began to mean python3."""
    PHP = "GLUE_PHP"
    NODEJS = "GLUE_NODEJS"
    POWERSHELL = "GLUE_POWERSHELL"


class BadRequest(ValueError):
    """A request body that is refused; the message is one sentence naming field and rule."""


Int32 = Annotated[int, Meta(ge=-(2**31), le=2**31 - 1)]
Int64 = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
Name = Annotated[str, Meta(max_length=MAX_NAME)]
Params = Annotated[str, Meta(max_length=MAX_PARAMS)]
Source = Annotated[str, Meta(max_length=MAX_SOURCE)]


class _OfRun(Struct, frozen=True, kw_only=True, gc=False):
    """What names a run."""

    log_id: Int64 = field(name="logId")
    in_full_ms: Int64 = field(default=0, name="logDateTime")
    cut_short_ms: Int64 = field(default=0, name="logDateTim")

    @property
    def triggered_ms(self) -> int:
        """Epoch milliseconds; 3.5 spells the field in full, before it `/log` does not.

        In `/log` cut (by MySQL: rounded) to the second, unlike the trigger's own.
        """
        return self.in_full_ms or self.cut_short_ms


class TriggerRequest(_OfRun, frozen=True, kw_only=True, gc=False):
    """`/run` (3.5: `/trigger`): run this job once. Strings may be absent or null."""

    job_id: Int32 = field(name="jobId")
    handler: Name | None = field(default="", name="executorHandler")
    params: Params | None = field(default="", name="executorParams")
    block_strategy: Name | None = field(default="", name="executorBlockStrategy")
    timeout_s: Int32 = field(default=0, name="executorTimeout")
    """Seconds; 0 or less is no limit."""
    glue_type: Name | None = field(default="", name="glueType")
    """One of GlueType, or what this version does not know."""
    glue_source: Source | None = field(default="", name="glueSource")
    glue_updated_ms: Int64 = field(default=0, name="glueUpdatetime")
    shard_index: Int32 = field(default=0, name="broadcastIndex")
    shard_total: Int32 = field(default=1, name="broadcastTotal")


class IdleBeatRequest(Struct, frozen=True, gc=False):
    """`/idleBeat`: whether this job is idle here."""

    job_id: Int32 = field(name="jobId")


class KillRequest(Struct, frozen=True, gc=False):
    """`/kill`: end whatever runs and waits of this job."""

    job_id: Int32 = field(name="jobId")


class LogRequest(_OfRun, frozen=True, kw_only=True, gc=False):
    """`/log`: the lines of a run from `from_line` on, lines counting from 1."""

    from_line: Int32 = field(default=1, name="fromLineNum")


_Request = TypeVar("_Request", TriggerRequest, IdleBeatRequest, KillRequest, LogRequest)


def _decoder(kind: type[_Request]) -> Callable[[bytes], _Request]:
    # not strict: numeric strings are numbers, and 1.0 is whole, as Gson has it
    decoder = msgspec.json.Decoder(kind, strict=False)

    def decode(body: bytes) -> _Request:
        if not body:
            raise BadRequest("request body is empty")
        try:
            return decoder.decode(body)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as refusal:
            raise BadRequest(_sentence(str(refusal))) from None

    return decode


_FIELD = re.compile(r"(?P<rule>.*) - at `\$\.(?P<field>\w+)`")
_MISSING = re.compile(r"Object missing required field `(?P<field>\w+)`")


def _sentence(said: str) -> str:
    """What msgspec says, beginning with the field."""
    if missing := _MISSING.fullmatch(said):
        return f"{missing['field']}: field required"
    found = _FIELD.fullmatch(said)
    rule = (found["rule"] if found else said).replace("`", "")
    if rule[1:2].islower():  # else it begins with a name, such as JSON
        rule = rule[0].lower() + rule[1:]
    return f"{found['field'] if found else 'request body'}: {rule}"


decode_trigger = _decoder(TriggerRequest)
"""Read the body of `/run` or `/trigger`; raise BadRequest."""
decode_idle_beat = _decoder(IdleBeatRequest)
"""Read the body of `/idleBeat`; raise BadRequest."""
decode_kill = _decoder(KillRequest)
"""Read the body of `/kill`; raise BadRequest."""
decode_log = _decoder(LogRequest)
"""Read the body of `/log`; raise BadRequest."""


@dataclass(frozen=True, slots=True)
class LogPage:
    """Lines *from_line* to *to_line* of a run's log, both included.

    Nothing new is `to_line = from_line - 1`. Admins drop a page whose from_line is not the one
    they asked for.
    """

    from_line: int
    to_line: int
    content: str
    is_end: bool

    def payload(self) -> dict[str, object]:
        """The page under the wire's names, as `success` takes it."""
        return {
            "fromLineNum": self.from_line,
            "toLineNum": self.to_line,
            "logContent": self.content,
            "isEnd": self.is_end,
        }


def encode(value: object) -> bytes:
    """*value* as JSON; lone surrogates, which UTF-8 cannot hold, go out as escapes."""
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError:
        return json.dumps(value).encode()


def _reply(code: int, message: str | None, payload: object) -> bytes:
    return encode({"code": code, "msg": message, "content": payload, "data": payload})


_PLAIN_SUCCESS = _reply(SUCCESS_CODE, None, None)


def success(payload: object = None) -> bytes:
    """The answer 200; both generations of Admins find *payload* (`content`, 3.3+ `data`)."""
    return _PLAIN_SUCCESS if payload is None else _reply(SUCCESS_CODE, None, payload)


def failure(message: str) -> bytes:
    """The answer 500, which the Admin's console shows with *message*."""
    return _reply(FAILURE_CODE, message, None)
