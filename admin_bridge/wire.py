"""What an Admin sends to an executor, and what it is answered (`protocol.md` (a))."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, TypeVar

import orjson
from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

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


def _whole(value: object) -> object:
    """Gson takes numeric strings for numbers, so this does; strict ints refuse the rest."""
    if isinstance(value, str) and value.isascii() and value.removeprefix("-").isdecimal():
        return int(value)
    return value


def _present(value: object) -> object:
    return "" if value is None else value


_WHOLE = BeforeValidator(_whole)
Int32 = Annotated[int, Field(strict=True, ge=-(2**31), le=2**31 - 1), _WHOLE]
Int64 = Annotated[int, Field(strict=True, ge=-(2**63), le=2**63 - 1), _WHOLE]
_PRESENT = BeforeValidator(_present)
Name = Annotated[str, Field(max_length=MAX_NAME), _PRESENT]
Params = Annotated[str, Field(max_length=MAX_PARAMS), _PRESENT]
Source = Annotated[str, Field(max_length=MAX_SOURCE), _PRESENT]

_MOMENT = AliasChoices("logDateTime", "logDateTim")
"""3.5 spells the field in full, everything before it leaves out the last letter in places."""


class _Wire(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class TriggerRequest(_Wire):
    """`/run` (3.5: `/trigger`): run this job once. Absent and null strings are empty."""

    job_id: Int32 = Field(alias="jobId")
    log_id: Int64 = Field(alias="logId")
    triggered_ms: Int64 = Field(0, validation_alias=_MOMENT)
    """Epoch milliseconds."""
    handler: Name = Field("", alias="executorHandler")
    params: Params = Field("", alias="executorParams")
    block_strategy: Name = Field("", alias="executorBlockStrategy")
    timeout_s: Int32 = Field(0, alias="executorTimeout")
    """Seconds; 0 or less is no limit."""
    glue_type: Name = Field("", alias="glueType")
    """One of GlueType, or what this version does not know."""
    glue_source: Source = Field("", alias="glueSource")
    glue_updated_ms: Int64 = Field(0, alias="glueUpdatetime")
    shard_index: Int32 = Field(0, alias="broadcastIndex")
    shard_total: Int32 = Field(1, alias="broadcastTotal")


class IdleBeatRequest(_Wire):
    """`/idleBeat`: whether this job is idle here."""

    job_id: Int32 = Field(alias="jobId")


class KillRequest(_Wire):
    """`/kill`: end whatever runs and waits of this job."""

    job_id: Int32 = Field(alias="jobId")


class LogRequest(_Wire):
    """`/log`: the lines of a run from `from_line` on, lines counting from 1."""

    log_id: Int64 = Field(alias="logId")
    triggered_ms: Int64 = Field(0, validation_alias=_MOMENT)
    """Epoch milliseconds cut (by MySQL: rounded) to the second, unlike the trigger's own."""
    from_line: Int32 = Field(1, alias="fromLineNum")


_Request = TypeVar("_Request", bound=_Wire)


def _decode(model: type[_Request], body: bytes) -> _Request:
    if not body:
        raise BadRequest("request body is empty")
    try:
        return model.model_validate_json(body)
    except ValidationError as refusal:
        raise BadRequest(_sentence(refusal)) from None


def _sentence(refusal: ValidationError) -> str:
    first = refusal.errors(include_url=False, include_context=False, include_input=False)[0]
    subject = str(first["loc"][0]) if first["loc"] else "request body"
    rule = first["msg"]
    return f"{subject}: {rule[:1].lower()}{rule[1:]}"


def decode_trigger(body: bytes) -> TriggerRequest:
    """Read the body of `/run` or `/trigger`; raise BadRequest."""
    return _decode(TriggerRequest, body)


def decode_idle_beat(body: bytes) -> IdleBeatRequest:
    """Read the body of `/idleBeat`; raise BadRequest."""
    return _decode(IdleBeatRequest, body)


def decode_kill(body: bytes) -> KillRequest:
    """Read the body of `/kill`; raise BadRequest."""
    return _decode(KillRequest, body)


def decode_log(body: bytes) -> LogRequest:
    """Read the body of `/log`; raise BadRequest."""
    return _decode(LogRequest, body)


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
