"""The other replicas: where they are read, whether they hold the same key, and logs that they keep."""

from __future__ import annotations

from typing import Any, NamedTuple
from urllib.parse import urlsplit

import aiohttp
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from scheduler.refusal import NotFound
from scheduler.secret_box import SecretBox
from scheduler.sections import SchedulerSection
from scheduler.tables import schedule_replica

PEER = "another replica"
"""The name of the token by which replicas ask each other."""
_PATIENCE = aiohttp.ClientTimeout(total=20, connect=3)
_WILD = ("0.0.0.0", "::", "")


class PeerAway(Exception):
    """Another replica does not give what it keeps; says why, for people."""


class Door(NamedTuple):
    """How the others find this replica, and know it for one of theirs."""

    address: str
    """URL of its REST API."""
    fingerprint: str


def door_of(section: SchedulerSection, secrets: SecretBox, *, port: int, executor_url: str) -> Door:
    """Ours, once it listens on *port*; the host is the executor's where it listens on all."""
    host = section.host if section.host not in _WILD else urlsplit(executor_url).hostname or ""
    derived = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    return Door(section.address.rstrip("/") or derived, fingerprint(secrets))


def fingerprint(secrets: SecretBox) -> str:
    """Tells keys apart; nothing of the key can be learnt from it."""
    return secrets.derive("fingerprint of the key")


def peer_token(secrets: SecretBox) -> str:
    """What replicas that hold the same key show each other."""
    return secrets.derive("token of replicas")


class Peers:
    """Reads logs that other replicas keep."""

    def __init__(self, engine: AsyncEngine, secrets: SecretBox) -> None:
        self._engine = engine
        self._secrets = secrets
        self._session: aiohttp.ClientSession | None = None

    async def page(
        self, executor: str, log_id: int, *, from_line: int, budget: int
    ) -> dict[str, Any]:
        """A page of a log, as `/logs/{id}/text` answers it, from the replica of that *executor*.

        Raises NotFound where there is no such replica any more, or it has no such log, and PeerAway.
        """
        api = await self._address_of(executor)
        if api is None:
            raise NotFound("log", f"of run {log_id} any more: {executor}, which kept it, is gone")
        url = f"{api}/api/scheduler/logs/{log_id}/text"
        answer = await self._ask(url, {"fromLine": str(from_line), "chars": str(budget)})
        match answer.get("code"):
            case 200:
                page: dict[str, Any] = answer["data"]
                return page
            case 404:
                said = str(answer.get("message")).removeprefix("there is no log ")
                raise NotFound("log", said)
            case 401 | 429:
                raise PeerAway(f"{api}, which keeps the log, has another scheduler.secret_key")
            case _:
                raise PeerAway(f"{api}, which keeps the log, says: {answer.get('message')}")

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def _address_of(self, executor: str) -> str | None:
        query = select(schedule_replica.c.api_address).where(
            schedule_replica.c.address == executor, schedule_replica.c.api_address != ""
        )
        query = query.order_by(schedule_replica.c.heartbeat_at.desc()).limit(1)
        async with self._engine.connect() as connection:
            found: str | None = await connection.scalar(query)
            return found

    async def _ask(self, url: str, query: dict[str, str]) -> dict[str, Any]:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=_PATIENCE)
        headers = {"Authorization": f"Bearer {peer_token(self._secrets)}"}
        try:
            async with self._session.get(url, params=query, headers=headers) as response:
                answer = await response.json()
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            reason = str(error) or type(error).__name__
            raise PeerAway(f"{url}, where the log is kept, does not answer: {reason}") from error
        return answer if isinstance(answer, dict) else {}
