"""The REST API of a running service, as far as jobs are written and read by it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

import aiohttp

from scheduler.api.app import PREFIX
from scheduler.api.job_shapes import JobTold
from scheduler.job_control import Action

_TIMEOUT = aiohttp.ClientTimeout(total=60)
_PAGE = 500
TOKEN_VARIABLE = "SCHEDULER_TOKEN"
_NO_TOKEN = f"the service wants a token: set {TOKEN_VARIABLE}, or name its file by --token-file"


class ApiRefused(Exception):
    """The service did not do it; says why, in its words."""


class ApiAway(ApiRefused):
    """It could not be asked, and others need not try."""


class Api:
    """A service at a URL, asked as one who has a token."""

    def __init__(self, session: aiohttp.ClientSession, url: str, token: str) -> None:
        self._session = session
        self._url = url.rstrip("/") + PREFIX
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    async def jobs(self, **wanted: str) -> list[JobTold]:
        """Every job that *wanted* (parameters of `GET /jobs`) asks for, oldest first."""
        found: list[JobTold] = []
        cursor: dict[str, str] = {}
        while True:
            query = urlencode(wanted | cursor | {"size": str(_PAGE)}, quote_via=quote)
            page = await self._ask("GET", f"/jobs?{query}")
            found += map(JobTold.model_validate, page["records"])
            if page["cursor"] is None:
                return sorted(found, key=lambda job: job.id)
            cursor = {"cursor": page["cursor"]}

    async def create(self, job: Mapping[str, Any]) -> JobTold:
        return JobTold.model_validate(await self._ask("POST", "/jobs", job))

    async def update(self, job_id: int, changes: Mapping[str, Any]) -> JobTold:
        return JobTold.model_validate(await self._ask("PUT", f"/jobs/{job_id}", changes))

    async def control(self, job_id: int, action: Action) -> None:
        await self._ask("POST", f"/jobs/{job_id}/{action}")

    async def delete(self, job_id: int) -> None:
        await self._ask("DELETE", f"/jobs/{job_id}")

    async def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """The data of the answer. Raise ApiRefused, ApiAway."""
        data = json.dumps(body).encode() if body is not None else None
        try:
            async with self._session.request(
                method, self._url + path, data=data, headers=self._headers, timeout=_TIMEOUT
            ) as response:
                envelope = await response.json(content_type=None)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            reason = str(error) or type(error).__name__
            raise ApiAway(f"{self._url}: {reason}") from None
        if not isinstance(envelope, dict) or "data" not in envelope:
            raise ApiRefused(f"{self._url}: this is not the scheduling service")
        if response.status == 401 and not self._headers:
            raise ApiRefused(_NO_TOKEN)
        if response.status != 200:
            raise ApiRefused(str(envelope["message"]))
        return envelope["data"]
