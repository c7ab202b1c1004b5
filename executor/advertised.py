"""Under which URL Admins reach this executor: the one that is set, or one that follows from the network."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from contextlib import suppress
from urllib.parse import urlsplit

_LOOKUP_S = 2.0
"""For all names at once; a resolver that hangs must delay neither the start nor a beat."""
_SOMEWHERE = {
    socket.AF_UNSPEC: "http://192.0.2.1",
    socket.AF_INET: "http://192.0.2.1",
    socket.AF_INET6: "http://[2001:db8::1]",
}
"""No host has these: the way to them is the default route."""
_WILD = {"": socket.AF_UNSPEC, "0.0.0.0": socket.AF_INET, "::": socket.AF_INET6}
_LOOPBACK = {socket.AF_INET6: "::1"}


class Advertised:
    """The URL; where the executor listens on all addresses, the one on the way to an Admin.

    While no Admin's name can be resolved and no way leads there, it is a guess, and looked for
    anew whenever it is asked for.
    """

    def __init__(self, address: str, *, host: str, port: int, admins: Sequence[str]) -> None:
        """*address* is what is set, if anything; *host* and *port* those that are listened on."""
        self._admins = admins
        self._family = _WILD.get(host)
        self._port = port
        self._is_sure = bool(address) or self._family is None
        self.url = address.rstrip("/") or self._with(host)
        """As it was found last."""

    async def look(self) -> str:
        """The URL as it is now."""
        if not self._is_sure and self._family is not None:
            found = await self._on_the_way(self._admins)
            self._is_sure = found is not None
            self.url = self._with(found or await self._guess())
        return self.url

    async def _guess(self) -> str:
        """An address of this machine that others may know, or its loopback."""
        assert self._family is not None
        own_name = f"http://{socket.gethostname()}"
        found = await self._on_the_way([_SOMEWHERE[self._family], own_name])
        return found or _LOOPBACK.get(self._family, "127.0.0.1")

    async def _on_the_way(self, urls: Sequence[str]) -> str | None:
        """Our address towards the first of *urls* that has a way."""
        found = await asyncio.gather(*(self._towards(url) for url in urls))
        return next((address for address in found if address is not None), None)

    async def _towards(self, url: str) -> str | None:
        parts = urlsplit(url)
        look_up = asyncio.get_running_loop().getaddrinfo
        try:
            async with asyncio.timeout(_LOOKUP_S):
                targets = await look_up(
                    parts.hostname,
                    parts.port or 80,
                    family=self._family or socket.AF_UNSPEC,
                    type=socket.SOCK_DGRAM,
                )
        except (OSError, ValueError):  # a timeout is an OSError, a name that is none a ValueError
            return None
        ours = (own_address(family, target) for family, _, _, _, target in targets)
        return next((address for address in ours if address is not None), None)

    def _with(self, host: str) -> str:
        return f"http://{f'[{host}]' if ':' in host else host}:{self._port}"


def own_address(family: int, target: tuple[object, ...]) -> str | None:
    """This machine's address on the way to *target*, if there is a way; nothing is sent."""
    with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect(target)
        address: str = probe.getsockname()[0]
        return address
    return None
