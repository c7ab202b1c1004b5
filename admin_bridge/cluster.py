"""One Admin cluster as an executor sees it: several addresses, one of which must answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from admin_bridge.answer import Answer, read_answer
from admin_bridge.connection_pool import ConnectionPool
from admin_bridge.dialect import (
    APP_NAME_HEADER,
    TOKEN_HEADER,
    CallbackItem,
    CallbackShape,
    Dialect,
    callback_bodies,
)
from admin_bridge.errors import (
    AdminError,
    AdminUnreachable,
    LoginPage,
    NotAnAdmin,
    Refused,
    WrongPath,
    WrongToken,
)
from admin_bridge.wire import encode

MAX_BATCH = 50
"""Callbacks in one call, as the Java executor has it."""

_MOST_TELLING_LAST = (AdminUnreachable, NotAnAdmin, WrongPath, LoginPage, WrongToken, Refused)


def normalised(address: str) -> str:
    """*address* without blanks and trailing slashes; ValueError if it is no http(s) URL."""
    clean = address.strip().rstrip("/")
    parts = urlsplit(clean)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"an Admin's address must be an http:// or https:// URL: {address!r}")
    return clean


@dataclass(frozen=True, slots=True)
class ClusterConfig:
    """The Admins that share one database, and who this executor is to them."""

    name: str
    addresses: tuple[str, ...]
    """Base URLs with the context path; normalised here, at least one."""
    access_token: str = field(repr=False)
    """Empty: none is sent."""
    app_name: str

    def __post_init__(self) -> None:
        addresses = tuple(dict.fromkeys(normalised(address) for address in self.addresses))
        if not addresses:
            raise ValueError(f"the Admin cluster {self.name!r} has no address")
        if not (self.access_token.isprintable() and self.app_name.isprintable()):
            raise ValueError("an access token and an app name hold no control characters")
        object.__setattr__(self, "addresses", addresses)


class AdminCluster:
    """Calls to a cluster, by the first address that answers 200.

    The address that answered last is asked first. When none answers, the most telling of their
    errors is raised: AdminUnreachable only if all are unreachable.
    """

    def __init__(self, config: ClusterConfig, *, timeout_s: float = 5.0) -> None:
        self.config = config
        self._timeout_s = timeout_s
        self._pools = {at: ConnectionPool(at, _headers(config)) for at in config.addresses}
        self._dialects = dict.fromkeys(config.addresses, Dialect())
        self._good = config.addresses[0]
        self._heard: tuple[str, bool] | None = None
        """The signs that were learnt from last: most requests say nothing new."""

    def close(self) -> None:
        """Close the connections that are kept; one that is asked again opens another."""
        for pool in self._pools.values():
            pool.close()

    def heard(self, path: str, headers: Mapping[str, str]) -> None:
        """Learn the generation from a request that this cluster sent to the executor."""
        signs = (path, APP_NAME_HEADER in headers)
        if signs == self._heard:
            return
        self._heard = signs
        for address, dialect in self._dialects.items():
            self._dialects[address] = dialect.after_request(path, headers)

    async def register(self, executor_url: str) -> None:
        """Say that *executor_url* serves; it must be said again within 90 s. Raise AdminError."""
        await self._first_good(lambda at: self._registry("api/registry", executor_url, at=at))

    async def deregister(self, executor_url: str) -> None:
        """Say that *executor_url* leaves; triggers may still come for 30 s. Raise AdminError."""
        await self._first_good(lambda at: self._registry("api/registryRemove", executor_url, at=at))

    async def callback(self, items: Sequence[CallbackItem]) -> None:
        """Tell the results of runs, at most MAX_BATCH (else ValueError). Raise AdminError.

        Telling one twice is harmless: an Admin keeps the first result and answers 200.
        """
        if len(items) > MAX_BATCH:
            raise ValueError(f"{len(items)} callbacks in a call, at most {MAX_BATCH} are allowed")
        await self._first_good(lambda at: self._callback(items, at))

    async def check(self) -> list[tuple[str, AdminError | None]]:
        """Try every address; its error, or None where path, token and app name are accepted.

        Sends an empty batch of callbacks: it passes all of the Admin's checks and changes nothing.
        """
        faults = await asyncio.gather(*(self._fault_of(at) for at in self.config.addresses))
        return list(zip(self.config.addresses, faults, strict=True))

    async def _fault_of(self, address: str) -> AdminError | None:
        try:
            await self._callback((), address)
        except AdminError as fault:
            return fault
        return None

    async def _first_good(self, call: Callable[[str], Awaitable[None]]) -> None:
        faults: list[AdminError] = []
        for address in sorted(self.config.addresses, key=lambda at: at != self._good):
            try:
                await call(address)
            except AdminError as fault:
                faults.append(fault)
            else:
                self._good = address
                return
        raise max(faults, key=lambda fault: _MOST_TELLING_LAST.index(type(fault)))

    async def _registry(self, operation: str, executor_url: str, *, at: str) -> None:
        entry = {
            "registryGroup": "EXECUTOR",
            "registryKey": self.config.app_name,
            "registryValue": executor_url,
        }
        await self._post(at, operation, encode(entry))

    async def _callback(self, items: Sequence[CallbackItem], address: str) -> None:
        """Send *items* in the shape last known, and if that is refused in the other one.

        An Admin reads the shape before anything else, so a refused batch has changed nothing.
        """
        shape = self._dialects[address].shape
        try:
            await self._callback_as(shape, items, address)
        except Refused as refused:
            try:
                await self._callback_as(shape.other, items, address)
            except Refused:
                raise refused from None

    async def _callback_as(
        self, shape: CallbackShape, items: Sequence[CallbackItem], address: str
    ) -> None:
        dialect = self._dialects[address].after_callback(shape)
        for body in callback_bodies(items, dialect):
            await self._post(address, "api/callback", body)
        self._dialects[address] = self._dialects[address].after_callback(shape)

    async def _post(self, address: str, operation: str, body: bytes) -> None:
        answer = await self._ask(address, operation, body)
        self._dialects[address] = self._dialects[address].after_answer(answer.payload_key)

    async def _ask(self, address: str, operation: str, body: bytes) -> Answer:
        try:
            async with asyncio.timeout(self._timeout_s):
                reply = await self._pools[address].post(operation, body)
        except TimeoutError:
            raise AdminUnreachable(f"{address}: no answer in {self._timeout_s} s") from None
        except (OSError, ValueError) as error:  # a name that cannot be resolved is a ValueError too
            raise AdminUnreachable(f"{address}: {error or type(error).__name__}") from error
        return read_answer(
            reply.status, reply.content_type, reply.body, address=address, location=reply.location
        )


def _headers(config: ClusterConfig) -> dict[str, str]:
    headers = {
        "Content-Type": "application/json;charset=UTF-8",
        "Accept": "*/*",
        "User-Agent": "qooerp-scheduler",
        APP_NAME_HEADER: config.app_name,
    }
    if config.access_token:
        headers[TOKEN_HEADER] = config.access_token
    return headers
