"""Addresses as people write them in settings."""

from __future__ import annotations

from urllib.parse import urlsplit

_NACOS_PORT, _NACOS_PATH = 8848, "/nacos"


def base_url(address: str) -> str:
    """*address* of a Nacos server (`host`, `host:port` or a URL) as its API's URL, or ValueError."""
    clean = address.strip().rstrip("/")
    parts = urlsplit(clean if "://" in clean else f"http://{clean}")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("an address of Nacos is host:port or a URL")
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
