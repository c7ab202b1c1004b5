"""What an Admin's HTTP answer means: an Answer, or a fault with a sentence for the operator."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

import orjson

from admin_bridge.dialect import PayloadKey
from admin_bridge.errors import (
    AdminError,
    AdminUnreachable,
    LoginPage,
    NotAnAdmin,
    Refused,
    WrongPath,
    WrongToken,
)

OLD_PATH = "/xxl-job-admin"
"""The base path of Admins before 3.4.1, which answers at the root by default."""

_LOGIN = re.compile(rb"type=[\"']?password|toLogin|auth/login|doLogin", re.IGNORECASE)
_LONGEST_WORDS = 300

_TOKEN_FAULTS = {
    "The access token is wrong.": "the access token is wrong",
    "invalid request, accessToken or appname is empty.": (
        "this Admin (3.5 or later) wants an access token and an app name; "
        "set the token of the executor's group"
    ),
    "invalid request, accessToken or appname invalid.": (
        "no executor group of this Admin (3.5 or later) has this app name with this access token"
    ),
}


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer 200."""

    payload_key: PayloadKey | None
    """None when the answer had no payload key at all."""
    message: str
    payload: object


def read_answer(
    status: int, content_type: str, body: bytes, *, address: str = "", location: str = ""
) -> Answer:
    """Give the Answer in an HTTP answer from *address*, or raise the AdminError that it shows.

    *location* is the header of a redirect. *body* may have been cut after some kilobytes.
    """
    fault = _status_fault(status, body, address, location)
    if fault is None and _is_html(content_type, body):
        fault = _html_fault(body, address)
    if fault is not None:
        raise fault
    return _read_reply(_json_object(body, address), address)


def _status_fault(status: int, body: bytes, address: str, location: str) -> AdminError | None:
    if status == 200:
        return None
    if 300 <= status < 400:
        return _redirect_fault(address, location)
    if status in (404, 405):
        return WrongPath(
            f"{address}: HTTP {status}, the base path is wrong, {path_advice(address)}"
        )
    if status >= 500 or status in (408, 429):
        return AdminUnreachable(f"{address}: the server answered HTTP {status}")
    if _LOGIN.search(body):
        return _login_page(address)
    return NotAnAdmin(f"{address}: HTTP {status}, which no Admin answers; is a proxy in between?")


def _redirect_fault(address: str, location: str) -> AdminError:
    if "login" in location.lower():
        return _login_page(address)
    where = location[:_LONGEST_WORDS] or "nowhere"
    return WrongPath(f"{address}: redirects to {where}; set the address it leads to")


def _is_html(content_type: str, body: bytes) -> bool:
    return "html" in content_type.lower() or body.lstrip()[:1] == b"<"


def _html_fault(body: bytes, address: str) -> AdminError:
    if _LOGIN.search(body):
        return _login_page(address)
    return NotAnAdmin(f"{address}: a web page was answered, not an XXL-JOB Admin's API")


def _login_page(address: str) -> LoginPage:
    return LoginPage(
        f"{address}: this looks like the console's login page: "
        f"the base path is wrong, {path_advice(address)}"
    )


def path_advice(address: str) -> str:
    """What to try instead of *address*, never itself; 3.4.1 dropped the path that all before it had."""
    parts = urlsplit(address)
    origin = f"{parts.scheme}://{parts.netloc}" if parts.netloc else "http://host:port"
    if parts.path == OLD_PATH:
        return f"try {origin} (Admins since 3.4.1 have no {OLD_PATH})"
    if not parts.path.strip("/"):
        return f"try {origin}{OLD_PATH} (the path of Admins before 3.4.1)"
    return f"try {origin}{OLD_PATH} (or, since 3.4.1, {origin})"


def _json_object(body: bytes, address: str) -> dict[str, object]:
    try:
        reply = orjson.loads(body)
    except orjson.JSONDecodeError:
        reply = None
    if not isinstance(reply, dict) or "code" not in reply:
        raise NotAnAdmin(f"{address}: the answer is not an XXL-JOB Admin's")
    return reply


def _read_reply(reply: dict[str, object], address: str) -> Answer:
    key = next((key for key in PayloadKey if key in reply), None)
    message = str(reply.get("msg") or "")
    if str(reply["code"]) == "200":
        return Answer(key, message, reply[key] if key else None)
    if words := _TOKEN_FAULTS.get(message):
        raise WrongToken(f"{address}: {words}")
    if "not login" in message:
        raise _login_page(address)
    raise Refused(f"{address}: the Admin refused: {message[:_LONGEST_WORDS]}")
