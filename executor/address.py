"""URLs as they are written in settings, of which a client or an Admin must be able to make use."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

LONGEST = 255
"""Characters of an address that an Admin stores; it answers 200 to a longer one and forgets it."""

_NAME = re.compile(r"[a-z0-9_.-]+")


def comma_list(text: str) -> list[str]:
    """The entries of *text*, without empty ones."""
    return [part.strip() for part in text.split(",") if part.strip()]


def check_url(text: str) -> str:
    """*text*, when it is an http:// or https:// URL of a host; ValueError says what is wrong."""
    if "@" in text:
        raise ValueError("a URL names no user here: it is shown in logs and to other machines")
    if not text.isprintable() or " " in text:
        raise ValueError(f"there is a blank or a control character in {text!r}")
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"write an http:// or https:// URL, not {text!r}")
    if parts.query or parts.fragment:
        raise ValueError(f"a base URL has no ? and no #: {text!r}")
    _check_host(parts.hostname)
    _ = parts.port  # ValueError where it is none
    return text


def _check_host(host: str) -> None:
    if ":" in host:
        ipaddress.IPv6Address(host)
        return
    try:
        name = host.encode("idna").decode("ascii")
    except UnicodeError:
        raise ValueError(f"{host!r} is no host's name") from None
    if not _NAME.fullmatch(name):
        raise ValueError(f"{host!r} is no host's name")
