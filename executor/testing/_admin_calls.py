"""How an Admin calls an executor: headers, bodies and what it makes of the answers."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import aiohttp

from executor.testing._admin_rows import Generation

_TIMEOUT = aiohttp.ClientTimeout(total=3)
"""Fixed in the Admin up to 2.4, and its default since."""

_ESCAPED = str.maketrans({char: f"\\u{ord(char):04x}" for char in "=<>&'"})
"""What Gson escapes in strings up to 3.2; none of it is JSON's own syntax."""

_SENDS_NO_BEAT_BODY = (Generation.V2_2, Generation.V3_4, Generation.V3_5)


@dataclass(frozen=True, slots=True)
class Reply:
    """An executor's answer as the Admin took it."""

    code: int | None
    """None: an empty answer, which an Admin up to 3.2 takes for nothing at all."""
    message: str
    payload: Any = None

    @property
    def is_success(self) -> bool:
        return self.code == 200


@dataclass(frozen=True, slots=True)
class Caller:
    """An Admin's side of the connection to executors."""

    session: aiohttp.ClientSession
    generation: Generation
    token: str
    app_name: str

    async def call(self, address: str, operation: str, body: object = None) -> Reply:
        """POST to an executor; whatever goes wrong is a Reply with code 500."""
        try:
            return await self._call(f"{address.rstrip('/')}/{operation}", body)
        except TimeoutError:
            return Reply(500, "Read timed out")
        except aiohttp.ClientConnectorError:
            return Reply(500, "Connection refused")
        except aiohttp.ClientError as error:
            return Reply(500, f"{type(error).__name__}: {error}")

    async def _call(self, url: str, body: object) -> Reply:
        try:
            return await self._send(url, body)
        except aiohttp.ServerDisconnectedError:
            return await self._send(url, body)  # the JDK repeats a POST once

    async def _send(self, url: str, body: object) -> Reply:
        async with self.session.post(
            url,
            data=self._encoded(body),
            headers=self._headers(),
            skip_auto_headers=("Accept-Encoding",),
            timeout=_TIMEOUT,
            middlewares=(_without_length,) if body is None else (),
        ) as response:
            if response.status != 200:
                return Reply(500, f"HTTP status {response.status} from {url}")
            return self._read(await response.read())

    def _read(self, body: bytes) -> Reply:
        if body.strip() in (b"", b"null"):
            code = 500 if self.generation >= Generation.V3_4 else None
            return Reply(code, "java.lang.NullPointerException")
        try:
            answer = json.loads(body)
            return Reply(
                int(answer.get("code", 0)),
                answer.get("msg") or "",
                answer.get(self.generation.payload_key),
            )
        except (ValueError, TypeError, AttributeError) as error:
            return Reply(500, f"the answer cannot be read: {error}")

    def _encoded(self, body: object) -> bytes | None:
        if body is None:
            return None
        text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
        return (text if self.generation >= Generation.V3_4 else text.translate(_ESCAPED)).encode()

    def _headers(self) -> dict[str, str]:
        new = self.generation >= Generation.V3_4
        headers = {
            "Accept-Charset": "UTF-8" if new else "application/json;charset=UTF-8",
            "Content-Type": "application/json;charset=UTF-8",
            "Cache-Control": "no-cache",
            "Pragma": "no-cache",
            "User-Agent": "Java/17.0.15",
            "Accept": "text/html, image/gif, image/jpeg, */*; q=0.2",
            "Connection": "keep-alive",
        }
        if self.token or new:
            headers["XXL-JOB-ACCESS-TOKEN"] = self.token
        if self.generation >= Generation.V3_5:
            headers["XXL-JOB-APPNAME"] = self.app_name
        return headers

    def beat_body(self) -> str | None:
        """The body of `/beat`: a JSON empty string, or none at all (and then no length)."""
        return None if self.generation in _SENDS_NO_BEAT_BODY else ""


async def _without_length(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    request.headers.popall("Content-Length", None)
    return await handler(request)
