"""What a console's HTTP answer means: a value, or a ConsoleError with a sentence."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import orjson

from admin_bridge.answer import path_advice
from admin_bridge.console.errors import (
    ConsoleError,
    ConsoleRefused,
    ConsoleUnreachable,
    NotAnAdmin,
    PermissionRefused,
    SignInRefused,
    Unsupported,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from admin_bridge.console.dialect import Dialect

_LONGEST_WORDS = 500
_NO_PERMISSION = re.compile(r"permission limit|权限拦截|權限控管", re.IGNORECASE)
"""An Admin says it in the language it is set to; there are these three."""
_NO_TOKEN = re.compile(r"accessToken or appname|access token is wrong")
_NO_DATABASE = re.compile(r"PersistenceException|CannotGetJdbcConnection|SQL\w*Exception")
_UNLISTABLE = "NullPointerException: date must not be null"
"""What 3.4.1 makes of a list with a log row that has no result; 3.4.2 lists it."""
_SPECK = re.compile(r"^[\w.$]+(?:Exception|Error):\s*|<br/?>|\s+")


class NotSignedIn(ConsoleError):
    """The session has ended, or there was none; nothing was done."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer."""

    address: str
    """The base URL that was asked."""
    status: int
    content_type: str
    body: bytes
    location: str = ""
    cookies: Mapping[str, str] = field(default_factory=dict)


def json_of(reply: Reply) -> dict[str, object]:
    """Give the JSON object in *reply*; raise NotSignedIn, ConsoleUnreachable or NotAnAdmin."""
    if fault := _status_fault(reply):
        raise fault
    text = reply.body.lstrip()
    if text[:1] == b"<" or "html" in reply.content_type.lower():
        raise NotAnAdmin(f"{reply.address}: a web page was answered, not a console's JSON")
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise _not_json(reply, text) from None
    if not isinstance(value, dict):
        raise NotAnAdmin(f"{reply.address}: the answer is not an XXL-JOB console's")
    return value


def payload_of(reply: Reply, dialect: Dialect) -> object:
    """Give what an ordinary answer carries; raise ConsoleError."""
    value = json_of(reply)
    if "code" not in value:
        raise other_shape(reply.address, "there is no code")
    if str(value["code"]) != "200":
        raise refusal(reply.address, value)
    return value.get(dialect.payload)


def id_of(payload: object, cluster: str) -> int:
    """The id in the *payload* of an answer to an add; raise NotAnAdmin."""
    if isinstance(payload, int | str) and str(payload).isdecimal():
        return int(payload)
    raise NotAnAdmin(f"{cluster}: a job was added, and no id of it given")


def page_of(reply: Reply, dialect: Dialect) -> dict[str, object]:
    """Give the object that holds a page of a list under `data`; raise ConsoleError."""
    page: object = json_of(reply)
    if dialect.wraps_pages or (isinstance(page, dict) and "recordsTotal" not in page):
        page = payload_of(reply, dialect)
    if not isinstance(page, dict):
        raise other_shape(reply.address, "there is no page")
    return page


def refusal(address: str, value: Mapping[str, object]) -> ConsoleError:
    """Give the error in an answer whose code is not 200."""
    words = str(value.get("msg") or f"code {value.get('code')}")
    said = _SPECK.sub(" ", words)[:_LONGEST_WORDS].strip()
    if "not login" in words:
        return NotSignedIn(f"{address}: not signed in")
    if _NO_PERMISSION.search(words):
        return PermissionRefused(f"{address}: the console's user may not do this: {said}")
    if _NO_TOKEN.search(words):
        return SignInRefused(
            f"{address}: no group of this Admin has this app name with this access token"
        )
    if _NO_DATABASE.search(words):
        return ConsoleUnreachable(f"{address}: the Admin has trouble with its database: {said}")
    if _UNLISTABLE in words:
        return Unsupported(
            f"{address}: this Admin (3.4.1) cannot list log rows without a result: it needs 3.4.2"
        )
    return ConsoleRefused(f"{address}: the Admin refused: {said}")


def other_shape(address: str, detail: str) -> NotAnAdmin:
    """Give the error of JSON that this generation does not answer."""
    return NotAnAdmin(
        f"{address}: not the answer of this generation of Admins ({detail}); was it exchanged?"
    )


def _status_fault(reply: Reply) -> ConsoleError | None:
    at, status = reply.address, reply.status
    if status == 200:
        return None
    if 300 <= status < 400:
        return _redirect_fault(reply)
    if status == 404:
        return NotAnAdmin(f"{at}: HTTP 404, the base path is wrong, {path_advice(at)}")
    if status >= 500 or status in (408, 429):
        return ConsoleUnreachable(f"{at}: the server answered HTTP {status}")
    return NotAnAdmin(f"{at}: HTTP {status}, not a console's answer; was the Admin exchanged?")


def _redirect_fault(reply: Reply) -> ConsoleError:
    if "login" in reply.location.lower():
        return NotSignedIn(f"{reply.address}: not signed in")
    where = reply.location[:_LONGEST_WORDS] or "nowhere"
    return NotAnAdmin(f"{reply.address}: redirects to {where}; set the address it leads to")


def _not_json(reply: Reply, text: bytes) -> ConsoleError:
    if text[:1] in (b"{", b"["):
        return ConsoleUnreachable(f"{reply.address}: the answer ends in its middle")
    return NotAnAdmin(f"{reply.address}: the answer is not an XXL-JOB console's")
