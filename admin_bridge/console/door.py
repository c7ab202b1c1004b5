"""The way to a cluster's consoles: requests over HTTP, to the first address that answers."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, TypeVar

import aiohttp

from admin_bridge.cluster import normalised
from admin_bridge.console.answer import Reply
from admin_bridge.console.errors import (
    AnswerTooBig,
    ConsoleError,
    ConsoleUnreachable,
    NotAnAdmin,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

MAX_ANSWER = 32 * 1024 * 1024
"""Bytes read of an answer: some thousand log rows with the longest messages."""

TIMEOUT_S = 20.0
"""For one address. A list deep in a big log table takes an Admin seconds."""

_CHUNK = 64 * 1024

Value = TypeVar("Value")
_LARGE = 256 * 1024
"""Bytes."""


class Door:
    """POSTs to a cluster; the address that answered last is asked first.

    Takes connections from *session*, and none of its cookies: two clusters on one host would
    share them.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        addresses: Sequence[str],
        *,
        timeout_s: float = TIMEOUT_S,
        max_answer: int = MAX_ANSWER,
    ) -> None:
        self.addresses = tuple(dict.fromkeys(normalised(address) for address in addresses))
        if not self.addresses:
            raise ValueError("a console needs an address")
        self._good = self.addresses[0]
        self._max_answer = max_answer
        self.waited_s = 0.0
        """Seconds, of all requests together, until the last bytes of their answers."""
        self._session = aiohttp.ClientSession(
            connector=session.connector,
            connector_owner=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=timeout_s, connect=timeout_s / 2),
        )

    async def aclose(self) -> None:
        """Let go; the connections stay with the session that they came from."""
        await self._session.close()

    async def post(
        self,
        path: str,
        body: Mapping[str, str] | bytes,
        read: Callable[[Reply], Value],
        *,
        headers: Mapping[str, str] | None = None,
        once: bool = False,
    ) -> Value:
        """Give what *read* makes of the answer; raise ConsoleError.

        The next address is asked when one is unreachable or is no Admin; with *once* only when
        it certainly did not get the request. A mapping goes as a form, bytes as JSON.
        """
        faults: list[ConsoleError] = []
        for address in sorted(self.addresses, key=lambda at: at != self._good):
            try:
                value = await _read(read, await self._ask(address, path, body, headers or {}))
            except _NotSent as fault:
                faults.append(ConsoleUnreachable(str(fault)))
            except ConsoleUnreachable as fault:
                if once:
                    raise ConsoleUnreachable(f"{fault}; whether it was done is unknown") from fault
                faults.append(fault)
            except NotAnAdmin as fault:
                faults.append(fault)
            else:
                self._good = address
                return value
        raise next((one for one in faults if isinstance(one, NotAnAdmin)), faults[-1])

    async def _ask(
        self,
        address: str,
        path: str,
        body: Mapping[str, str] | bytes,
        headers: Mapping[str, str],
    ) -> Reply:
        kind = {"Content-Type": "application/json"} if isinstance(body, bytes) else {}
        if self._session.closed:
            raise _NotSent(f"{address}: this console was let go, and is opened anew: try again")
        began = time.monotonic()
        try:
            async with self._session.post(
                f"{address}/{path}", data=body, headers={**headers, **kind}, allow_redirects=False
            ) as response:
                return await self._reply(address, response)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise _NotSent(f"{address}: cannot be reached: {_words(error)}") from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise ConsoleUnreachable(f"{address}: no answer: {_words(error)}") from error
        finally:
            self.waited_s += time.monotonic() - began

    async def _reply(self, address: str, response: aiohttp.ClientResponse) -> Reply:
        body = bytearray()
        async for chunk in response.content.iter_chunked(_CHUNK):
            body += chunk
            if len(body) > self._max_answer:
                raise AnswerTooBig(f"{address}: the answer has over {self._max_answer} bytes")
        return Reply(
            address,
            response.status,
            response.content_type,
            bytes(body),
            location=response.headers.get("Location", ""),
            cookies={name: morsel.value for name, morsel in response.cookies.items()},
        )


class _NotSent(ConsoleError):
    """No connection was made, so nothing can have happened there."""


def _words(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientConnectorError):
        return str(error.os_error)
    return str(error) or type(error).__name__


async def _read(read: Callable[[Reply], Value], reply: Reply) -> Value:
    """Read a large answer in a thread: ten thousand jobs would hold up the loop for 0.4 s."""
    if len(reply.body) < _LARGE:
        return read(reply)
    return await asyncio.to_thread(read, reply)
