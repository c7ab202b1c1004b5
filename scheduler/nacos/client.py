"""One Nacos cluster: several addresses, either generation, a token that renews itself."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import aiohttp

from scheduler.address import base_url
from scheduler.nacos import wire
from scheduler.nacos.errors import (
    AccessRefused,
    BeingModified,
    NacosError,
    NacosRefused,
    NacosUnreachable,
    NotNacos,
    WrongPath,
)
from scheduler.nacos.wire import Api, Instance, Operation, Reply, Scope
from scheduler.sections import NacosSection

_T = TypeVar("_T")
_MAX_ANSWER = 2**20
"""Bytes; a config in Nacos has at most 100 KB unless that was changed."""
_WHILE_MODIFIED_S = (0.1, 0.2, 0.4, 0.8)
"""Between looks at a config that is being written: a start that follows its change needs the new one."""
_RENEW_AT = 0.8
"""Of a token's life."""
_MOST_TELLING_LAST = (
    BeingModified,
    NacosUnreachable,
    WrongPath,
    NotNacos,
    NacosRefused,
    AccessRefused,
)


@dataclass(frozen=True, slots=True)
class NacosConfig:
    """Where Nacos is, and who we are to it."""

    addresses: tuple[str, ...]
    """Base URLs, at least one."""
    scope: Scope
    username: str = ""
    """Empty: Nacos asks for none."""
    password: str = field(default="", repr=False)


def config_of(section: NacosSection) -> NacosConfig | None:
    """What *section* says; None when there is to be no Nacos."""
    addresses = tuple(map(base_url, section.addresses()))
    scope = Scope(section.namespace or "public", section.group)
    password = section.password.get_secret_value()
    return NacosConfig(addresses, scope, section.username, password) if addresses else None


class NacosClient:
    """Calls to a cluster, by the first address that answers well; it is asked first next time.

    When none does, the most telling of their errors is raised.
    """

    def __init__(
        self, config: NacosConfig, session: aiohttp.ClientSession, *, timeout_s: float = 3.0
    ) -> None:
        self.config = config
        self._session = session
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._good = config.addresses[0]
        self._apis = dict.fromkeys(config.addresses, Api.V3)
        self._token = ""
        self._renew_at = 0.0
        self._signing_in = asyncio.Lock()

    async def register(self, instance: Instance) -> None:
        """Offer *instance*; it must beat every 5 s, and is gone after 30 s without. NacosError."""
        await self._first_good(lambda at: self._tell(at, Operation.REGISTER, instance))

    async def beat(self, instance: Instance) -> bool:
        """Say that *instance* lives; False: it is not known and must register. NacosError."""
        known: bool = await self._first_good(lambda at: self._tell(at, Operation.BEAT, instance))
        return known

    async def deregister(self, instance: Instance) -> None:
        """Take *instance* back; one that is not there is no error. NacosError."""
        await self._first_good(lambda at: self._tell(at, Operation.DEREGISTER, instance))

    async def instances(self, service: str) -> tuple[Instance, ...]:
        """Who offers *service* now. NacosError."""
        return await self._first_good(lambda at: self._instances(at, service))

    async def config_text(self, data_id: str) -> str | None:
        """The config of that id in our group; None when there is none. NacosError."""
        for pause_s in _WHILE_MODIFIED_S:
            with contextlib.suppress(BeingModified):
                return await self._first_good(lambda at: self._config_text(at, data_id))
            await asyncio.sleep(pause_s)
        return await self._first_good(lambda at: self._config_text(at, data_id))

    async def check(self, service: str) -> list[tuple[str, NacosError | None]]:
        """Ask every address who offers *service*; what is wrong with it, or None."""
        faults = await asyncio.gather(
            *(self._fault_of(at, service) for at in self.config.addresses)
        )
        return list(zip(self.config.addresses, faults, strict=True))

    def api_of(self, address: str) -> Api:
        """Which generation *address* speaks, as far as that was seen."""
        return self._apis[address]

    async def _fault_of(self, address: str, service: str) -> NacosError | None:
        try:
            await self._instances(address, service)
        except NacosError as fault:
            return fault
        return None

    async def _first_good(self, call: Callable[[str], Awaitable[_T]]) -> _T:
        faults: list[NacosError] = []
        for address in sorted(self.config.addresses, key=lambda at: at != self._good):
            try:
                answer = await call(address)
            except NacosError as fault:
                faults.append(fault)
            else:
                self._good = address
                return answer
        raise max(faults, key=lambda fault: _MOST_TELLING_LAST.index(type(fault)))

    async def _tell(self, address: str, operation: Operation, instance: Instance) -> Any:
        fields = wire.instance_fields(operation, self.config.scope, instance)
        return await self._ask(address, operation, lambda _api: fields)

    async def _instances(self, address: str, service: str) -> tuple[Instance, ...]:
        fields = wire.service_fields(self.config.scope, service)
        listed = await self._ask(address, Operation.INSTANCES, lambda _api: fields)
        return wire.instances(service, listed)

    async def _config_text(self, address: str, data_id: str) -> Any:
        scope = self.config.scope
        return await self._ask(
            address, Operation.CONFIG, lambda api: wire.config_fields(api, scope, data_id)
        )

    async def _ask(
        self, address: str, operation: Operation, fields: Callable[[Api], dict[str, str]]
    ) -> Any:
        """Ask, signed in where a user is set; a token that is refused is renewed once."""
        if not self.config.username:
            return await self._in_either_api(address, operation, fields)
        token = await self._signed_in(address)
        try:
            return await self._in_either_api(address, operation, fields)
        except AccessRefused:
            if token == self._token:
                self._renew_at = 0.0
            await self._signed_in(address)
            return await self._in_either_api(address, operation, fields)

    async def _signed_in(self, address: str) -> str:
        """Have a token that lasts a while yet, asking *address* for it."""
        async with self._signing_in:
            if time.monotonic() >= self._renew_at:
                await self._sign_in(address)
            return self._token

    async def _sign_in(self, address: str) -> None:
        user = {"username": self.config.username, "password": self.config.password}
        try:
            answer = await self._in_either_api(address, Operation.SIGN_IN, lambda _api: user)
        except AccessRefused:
            raise AccessRefused(
                f"{address}: user {self.config.username!r} or its password is refused"
            ) from None
        self._token = str(answer.get("accessToken") or "")
        life_s = float(answer.get("tokenTtl") or 0)
        self._renew_at = time.monotonic() + life_s * _RENEW_AT

    async def _in_either_api(
        self, address: str, operation: Operation, fields: Callable[[Api], dict[str, str]]
    ) -> Any:
        """In the API that worked last, or the other: Nacos may have been upgraded meanwhile."""
        api = self._apis[address]
        try:
            return await self._call(api, address, operation, fields(api))
        except WrongPath as wrong:
            try:
                answer = await self._call(api.other, address, operation, fields(api.other))
            except WrongPath:
                raise wrong from None
        self._apis[address] = api.other
        return answer

    async def _call(
        self, api: Api, address: str, operation: Operation, fields: dict[str, str]
    ) -> Any:
        method, path = wire.route(api, operation)
        inside = method in ("POST", "PUT")
        signed = self._token and operation is not Operation.SIGN_IN
        headers = {"Authorization": f"Bearer {self._token}"} if signed else {}
        try:
            async with self._session.request(
                method,
                f"{address}/{path}",
                headers=headers,
                timeout=self._timeout,
                allow_redirects=False,
                data=fields if inside else None,
                params=None if inside else fields,
            ) as response:
                body = await _whole(response.content, address)
                reply = Reply(address, response.status, response.content_type, body)
        except TimeoutError:
            raise NacosUnreachable(f"{address}: no answer in {self._timeout.total} s") from None
        except (aiohttp.ClientError, OSError) as error:
            raise NacosUnreachable(f"{address}: {error or type(error).__name__}") from error
        return wire.read(api, operation, reply)


async def _whole(content: aiohttp.StreamReader, address: str) -> bytes:
    """Half a config would be another config."""
    try:
        await content.readexactly(_MAX_ANSWER)
    except asyncio.IncompleteReadError as end:
        return end.partial
    raise NotNacos(f"{address}: the answer has more than {_MAX_ANSWER} bytes")
