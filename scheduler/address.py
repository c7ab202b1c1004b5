"""Addresses as people write them in settings."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

_SERVER = re.compile(r"(\[[^\[\]]*\]|[^\[\]:]*)(:(?P<port>[0-9]{1,5})?)?")
_LAST_PORT = 65_535
_NACOS_PORT, _NACOS_PATH = 8848, "/nacos"


def check_servers(url: str) -> None:
    """Whether the servers in a *url* can be read. ValueError, which quotes nothing: it may be a secret.

    A password that is not escaped is where they cannot, and libraries then tell a part of it.
    """
    place = re.split("[/?#]", url.partition("://")[2], maxsplit=1)[0]
    user, _, servers = place.rpartition("@")
    if re.search(r"[\[\]]", user) or not all(map(_is_server, servers.split(","))):
        raise ValueError(
            "its host or port cannot be read: in a user or password / ? # [ ] @ % are written as"
            " %2F %3F %23 %5B %5D %40 %25"
        )


def _is_server(text: str) -> bool:
    found = _SERVER.fullmatch(text)
    return found is not None and int(found["port"] or 0) <= _LAST_PORT


def base_url(address: str) -> str:
    """*address* of a Nacos server (`host`, `host:port` or a URL) as its API's URL, or ValueError."""
    clean = address.strip().rstrip("/")
    parts = urlsplit(clean if "://" in clean else f"http://{clean}")
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in clean:
        raise ValueError("an address of Nacos is host:port or a URL, without a user")
    port = parts.port or (443 if parts.scheme == "https" else _NACOS_PORT)
    return f"{parts.scheme}://{bracketed(parts.hostname)}:{port}{parts.path or _NACOS_PATH}"


def host_and_port(address: str) -> tuple[str, int]:
    """`host`, `host:port` or `[IPv6]:port` in two; port 0 where none is said. ValueError."""
    parts = urlsplit(f"//{address.strip()}")
    if not parts.hostname or parts.path or parts.username is not None:
        raise ValueError("an address is host:port, without a path")
    return parts.hostname, parts.port or 0


def bracketed(host: str) -> str:
    """*host* as it stands in a URL."""
    return f"[{host}]" if ":" in host else host
