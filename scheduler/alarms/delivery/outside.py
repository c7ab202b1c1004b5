"""HTTP to hosts that people name: only where that is allowed, and never more than is bearable."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from scheduler.alarms.delivery.letter import SendFailed

_MOST_ANSWER = 64 * 1024
"""Bytes that are read of an answer."""
_LATER = {408, 425, 429}
_MOST_SHOWN = 300
_NAT64 = ip_network("64:ff9b::/96")
_INWARDS = [
    ip_network(network) for network in ("64:ff9b:1::/48", "::/96", "::ffff:0:0:0/96", "fec0::/10")
]
"""Local ways to IPv4 and to sites, which `is_global` takes for public ones in some Pythons."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    text: str
    """As much as was read."""

    @property
    def is_busy(self) -> bool:
        """Its status says that it may work later."""
        return self.status >= 500 or self.status in _LATER

    @property
    def shown(self) -> str:
        """For people."""
        text = " ".join(self.text.split())[:_MOST_SHOWN]
        return f"answered {self.status}: {text}" if text else f"answered {self.status}"


class Outside:
    """Asks public addresses, and those of *allowed* networks; follows nobody elsewhere."""

    def __init__(self, allowed: Iterable[str], *, timeout_s: float) -> None:
        """*timeout_s* holds for a whole request."""
        self._allowed = [ip_network(network) for network in allowed]
        self._timeout = aiohttp.ClientTimeout(total=timeout_s, sock_connect=timeout_s)

    async def ask(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes | None = None
    ) -> Answer:
        """The answer, whatever it is; `good` judges it. Raise SendFailed where there is none."""
        host = urlsplit(url).hostname or ""
        judged: dict[str, bool] = {}
        try:
            async with (
                aiohttp.ClientSession(
                    timeout=self._timeout,
                    connector=self._connector(judged),
                    auto_decompress=False,
                    trust_env=False,
                    headers={"Accept-Encoding": "identity"},
                ) as session,
                session.request(
                    method, url, headers=dict(headers), data=body, allow_redirects=False
                ) as response,
            ):
                text = await _read(response.content)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            if judged and not any(judged.values()):
                raise SendFailed(
                    f"{host} is at {next(iter(judged))}, which alarms.allowed_networks does not name",
                    retry=False,
                ) from None
            raise SendFailed(f"{host}: {_reason(error)}", retry=True) from None
        return Answer(response.status, text)

    def _connector(self, judged: dict[str, bool]) -> aiohttp.TCPConnector:
        """Judges the very address that is connected to, so that no name can change in between.

        A name may have several: *judged* says of those that were tried whether they are allowed.
        """

        def open_socket(info: Any) -> socket.socket:
            family, kind, protocol, _, address = info
            judged[address[0]] = self.allows(address[0])
            if not judged[address[0]]:
                raise OSError(f"{address[0]} is not allowed")
            return socket.socket(family, kind, protocol)

        return aiohttp.TCPConnector(socket_factory=open_socket, use_dns_cache=False)

    def allows(self, text: str) -> bool:
        """Whether this address may be asked."""
        address = _plain(ip_address(text.partition("%")[0]))
        if any(address in network for network in self._allowed):
            return True
        if any(address in network for network in _INWARDS):
            return False
        return address.is_global and not address.is_multicast


def _plain(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address that an IPv6 one stands for; else itself."""
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


async def _read(content: aiohttp.StreamReader) -> str:
    """What comes of a body: its status has said already what became of the message."""
    read = b""
    with contextlib.suppress(aiohttp.ClientError, OSError, TimeoutError):
        while len(read) < _MOST_ANSWER and (chunk := await content.read(_MOST_ANSWER - len(read))):
            read += chunk
    return read.decode("utf-8", "replace")


def good(answer: Answer) -> Answer:
    """*answer*, if its status is a good one. Raise SendFailed."""
    status = answer.status
    if 300 <= status < 400:
        raise SendFailed(f"answered {status}: redirects are not followed", retry=False)
    if not 200 <= status < 300:
        raise SendFailed(answer.shown, retry=answer.is_busy)
    return answer


def _reason(error: Exception) -> str:
    """Without the URL, which may hold a secret."""
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"cannot be reached: {error.strerror or error.os_error}"
    return "no answer in time" if isinstance(error, TimeoutError) else type(error).__name__
