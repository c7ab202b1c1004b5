"""How the generations of Admins differ for an executor, and what tells them apart.

| generation | answers under | callback body    | a row's result                  |
| 2.2        | content       | bare array       | executeResult{code,msg}         |
| 2.3 - 3.2  | content       | bare array       | handleCode, handleMsg           |
| 3.3 - 3.4  | data          | bare array       | the same                        |
| 3.5        | data          | {"callbackList"} | the same; logDateTime in full   |

Every Admin ignores keys that it does not know, so rows carry what any of them needs.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from msgspec import Struct

from admin_bridge.wire import encode

TOKEN_HEADER = "XXL-JOB-ACCESS-TOKEN"
APP_NAME_HEADER = "XXL-JOB-APPNAME"

MAX_MESSAGE = 15_000
"""What an Admin keeps of handleMsg, in UTF-16 units (Java's characters)."""

MAX_BODY = 512 * 1024
"""Bytes in one call; proxies in front of Admins take 1 MiB unless told otherwise."""

_LONGEST_ENTITY = len("&quot;")


class PayloadKey(StrEnum):
    """Under which key an Admin answers."""

    CONTENT = "content"
    DATA = "data"


class CallbackShape(StrEnum):
    """How a batch of callbacks is wrapped."""

    ARRAY = "array"
    LIST = "callbackList"

    @property
    def other(self) -> CallbackShape:
        return CallbackShape.LIST if self is CallbackShape.ARRAY else CallbackShape.ARRAY


class CallbackItem(Struct, frozen=True, gc=False):
    """The result of one run, as the Admin is told."""

    log_id: int
    triggered_ms: int
    """Epoch milliseconds, as in the trigger."""
    code: int
    """200 success, 502 timeout, 500 any other failure."""
    message: str


@dataclass(frozen=True, slots=True)
class Dialect:
    """What is known of the Admin behind one address; before anything is, the oldest is assumed."""

    shape: CallbackShape = CallbackShape.ARRAY
    payload_key: PayloadKey = PayloadKey.CONTENT

    def after_answer(self, payload_key: PayloadKey | None) -> Dialect:
        """Learn from the key under which it answered; `content` is never 3.5."""
        match payload_key:
            case PayloadKey.CONTENT:
                return Dialect()
            case PayloadKey.DATA:
                return replace(self, payload_key=PayloadKey.DATA)
            case None:
                return self

    def after_callback(self, shape: CallbackShape) -> Dialect:
        """Learn that it took a batch of this *shape*."""
        return replace(self, shape=shape)

    def after_request(self, path: str, headers: Mapping[str, str]) -> Dialect:
        """Learn from what it sent here: 3.5 names its app in a header, older ones say `/run`.

        *headers* must find names whatever their case, as HTTP servers' do.
        """
        operation = path.rpartition("/")[2]
        if operation == "trigger" or APP_NAME_HEADER in headers:
            return Dialect(CallbackShape.LIST, PayloadKey.DATA)
        return replace(self, shape=CallbackShape.ARRAY) if operation == "run" else self


def callback_bodies(items: Sequence[CallbackItem], dialect: Dialect) -> list[bytes]:
    """The bodies of `api/callback` that tell *items*: one, or more where it would be too big."""
    rows = [_row(item, dialect.payload_key) for item in items]
    body = encode(rows if dialect.shape is CallbackShape.ARRAY else {"callbackList": rows})
    if len(body) <= MAX_BODY or len(items) == 1:
        return [body]
    half = len(items) // 2
    return callback_bodies(items[:half], dialect) + callback_bodies(items[half:], dialect)


def _row(item: CallbackItem, payload_key: PayloadKey) -> dict[str, object]:
    message = shown(item.message)
    row: dict[str, object] = {
        "logId": item.log_id,
        "logDateTim": item.triggered_ms,
        "logDateTime": item.triggered_ms,
        "handleCode": item.code,
        "handleMsg": message,
    }
    if payload_key is PayloadKey.CONTENT:
        row["executeResult"] = {"code": item.code, "msg": message}
    return row


def shown(message: str) -> str:
    """*message* escaped, as the console takes it for HTML, and cut to MAX_MESSAGE if need be.

    A cut message ends with a note that says so. Lone surrogates become question marks.
    """
    if len(message) * _LONGEST_ENTITY <= MAX_MESSAGE and message.isascii():
        return html.escape(message)  # most are short and plain, and there are fifty in a call
    start = message[: MAX_MESSAGE + 1]  # escaping never shortens, so more cannot be needed
    escaped = html.escape(start.encode("utf-8", "replace").decode())
    units = escaped.encode("utf-16-le")
    if len(units) <= 2 * MAX_MESSAGE:
        return escaped
    note = f" ... [cut, {len(message)} characters in all]"
    kept = units[: 2 * (MAX_MESSAGE - len(note))].decode("utf-16-le", "ignore")
    return _without_torn_entity(kept) + note


def _without_torn_entity(escaped: str) -> str:
    start = escaped.rfind("&", len(escaped) - _LONGEST_ENTITY)
    return escaped[:start] if start >= 0 and ";" not in escaped[start:] else escaped
