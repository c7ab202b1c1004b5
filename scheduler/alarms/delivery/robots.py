"""Robots of group chats: DingTalk, WeCom and Feishu, by their documented webhooks.

Not by Apprise, which takes an answer of status 200 for a success: these say in its body that a
signature is wrong or that too much was sent.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode
from collections.abc import Mapping
from typing import Any, Protocol
from urllib.parse import urlencode

import orjson

from executor.clock import Clock
from scheduler.alarms.delivery.letter import Letter, SendFailed
from scheduler.alarms.delivery.outside import Answer, Outside, good
from scheduler.channel_kinds import RobotSettings

_MOST_WECOM, _MOST_OTHERS = 4000, 18_000
"""Bytes of a text: WeCom takes 4096, the others 20,000 of the whole body."""
_DINGTALK_LATER = {-1, 130101, 410100, 90030}
_WECOM_LATER = {-1, 45009, 45033}
_FEISHU_LATER = {2200, 9499, 11232, 11233, 230020, 99991400}
_LATER = _DINGTALK_LATER | _WECOM_LATER | _FEISHU_LATER
"""Codes that say busy, or too much at once."""


class Dialect(Protocol):
    """How one kind of robot is spoken to."""

    def request(
        self, base: str, secrets: Mapping[str, str], letter: Letter, now_ms: int
    ) -> tuple[str, dict[str, Any]]:
        """URL and body. *base* is empty for the public server."""
        ...


class DingTalk:
    """Signed over the timestamp in milliseconds and the secret."""

    def request(
        self, base: str, secrets: Mapping[str, str], letter: Letter, now_ms: int
    ) -> tuple[str, dict[str, Any]]:
        query = {"access_token": secrets["token"]}
        if secret := secrets.get("secret"):
            signed = hmac.digest(secret.encode(), f"{now_ms}\n{secret}".encode(), hashlib.sha256)
            query |= {"timestamp": str(now_ms), "sign": b64encode(signed).decode()}
        text = f"#### {letter.rendered.subject}\n\n{_lines(letter.rendered.text)}"
        said = {"title": letter.rendered.subject, "text": _cut(text, _MOST_OTHERS)}
        url = base or "https://oapi.dingtalk.com/robot/send"
        return f"{url}?{urlencode(query)}", {"msgtype": "markdown", "markdown": said}


class WeCom:
    """Not signed: the key is the secret."""

    def request(
        self, base: str, secrets: Mapping[str, str], letter: Letter, now_ms: int
    ) -> tuple[str, dict[str, Any]]:
        text = f"**{letter.rendered.subject}**\n{letter.rendered.text}"
        url = base or "https://qyapi.weixin.qq.com/cgi-bin/webhook/send"
        body = {"msgtype": "markdown", "markdown": {"content": _cut(text, _MOST_WECOM)}}
        return f"{url}?{urlencode({'key': secrets['token']})}", body


class Feishu:
    """Signed over nothing, by the timestamp in seconds and the secret."""

    def request(
        self, base: str, secrets: Mapping[str, str], letter: Letter, now_ms: int
    ) -> tuple[str, dict[str, Any]]:
        text = f"{letter.rendered.subject}\n{letter.rendered.text}"
        body: dict[str, Any] = {
            "msg_type": "text",
            "content": {"text": _cut(text, _MOST_OTHERS)},
        }
        if secret := secrets.get("secret"):
            timestamp = str(now_ms // 1000)
            signed = hmac.digest(f"{timestamp}\n{secret}".encode(), b"", hashlib.sha256)
            body |= {"timestamp": timestamp, "sign": b64encode(signed).decode()}
        url = base or "https://open.feishu.cn/open-apis/bot/v2/hook"
        return f"{url.rstrip('/')}/{secrets['token']}", body


class Robot:
    """One robot in one chat."""

    def __init__(
        self,
        dialect: Dialect,
        settings: RobotSettings,
        secrets: Mapping[str, str],
        *,
        outside: Outside,
        clock: Clock,
    ) -> None:
        self._dialect = dialect
        self._base = settings.url or ""
        self._secrets = secrets
        self._outside = outside
        self._clock = clock

    async def send(self, letter: Letter) -> str:
        now_ms = self._clock.now_ms()
        url, body = self._dialect.request(self._base, self._secrets, letter, now_ms)
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "X-Qooerp-Message-Id": str(letter.delivery.message_id),
        }
        answer = await self._outside.ask("POST", url, headers=headers, body=orjson.dumps(body))
        return _taken(answer)


def _taken(answer: Answer) -> str:
    """What a robot said, by its code before its status. Raise SendFailed unless it has taken it."""
    code = _code(answer.text)
    if code is None or code == 0:
        good(answer)
    if code != 0:
        raise SendFailed(answer.shown, retry=code is None or code in _LATER or answer.is_busy)
    return answer.shown


def _code(text: str) -> object:
    """What a robot's answer has for a code; None: it has none."""
    try:
        said = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(said, dict):
        return None
    return said.get("errcode", said.get("code", said.get("StatusCode")))


def _lines(text: str) -> str:
    """Markdown takes an empty line for the end of one."""
    return text.replace("\n", "\n\n")


def _cut(text: str, most: int) -> str:
    """At most *most* bytes of it."""
    data = text.encode()
    return text if len(data) <= most else data[: most - 3].decode("utf-8", "ignore") + "…"
