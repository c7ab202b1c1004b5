"""Fields of channels' settings, each with the rule that it is checked by."""

from __future__ import annotations

import re
import ssl
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, StringConstraints

from scheduler.receivers import is_address

_HEADER = re.compile(r"[A-Za-z0-9-]{1,100}")
_MOST_HEADERS = 20


def _url(text: str) -> str:
    try:
        parts = urlsplit(text)
        parts.port  # noqa: B018 - raises where it is no number
    except ValueError as error:
        raise ValueError(f"is no URL: {error}") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("a URL begins with http:// or https:// and names a host")
    if "$" in parts.netloc:
        raise ValueError("the host is never a variable")
    if parts.username is not None:
        raise ValueError("a URL names no user: put secrets in `secrets`")
    return text


def _host(text: str) -> str:
    try:
        text.encode("idna")
    except UnicodeError:
        raise ValueError("is no host") from None
    return text


def _certificates(text: str) -> str:
    if text:
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=text)
        except (ssl.SSLError, TypeError, ValueError):
            raise ValueError("holds no certificates in PEM") from None
    return text


def _address(text: str) -> str:
    if not is_address(text):
        raise ValueError("is no address")
    return text


def _headers(given: dict[str, str]) -> dict[str, str]:
    for name, value in given.items():
        if not _HEADER.fullmatch(name) or not value.isprintable():
            raise ValueError(f"{name[:80]!r} is no header, or its value is not one line")
    return given


Url = Annotated[str, StringConstraints(max_length=2000), AfterValidator(_url)]
Line = Annotated[str, StringConstraints(max_length=500, pattern=r"^[^\x00-\x1f\x7f]*$")]
Headers = Annotated[dict[str, Line], Field(max_length=_MOST_HEADERS), AfterValidator(_headers)]
Host = Annotated[Line, Field(min_length=1), AfterValidator(_host)]
Sender = Annotated[str, AfterValidator(_address)]
Certificates = Annotated[str, StringConstraints(max_length=100_000), AfterValidator(_certificates)]
