"""Gateways and webhooks: one request a message, as the channel describes it, signed."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from string import Template
from typing import Any
from urllib.parse import quote, urlencode

import orjson

from executor.clock import Clock
from scheduler.alarms.delivery.letter import Letter, SendFailed
from scheduler.alarms.delivery.outside import Outside, good
from scheduler.channel_kinds import HttpSettings

_SIGNING_KEY = "signing_key"


class Gateway:
    """Asks one URL, as the settings say.

    Each request says its message's id, when it was made, and, with a `signing_key`, `sha256=` and
    the HMAC-SHA256 of `<timestamp>.<message id>.<body>` in hex.
    """

    def __init__(
        self, settings: HttpSettings, secrets: Mapping[str, str], outside: Outside, clock: Clock
    ) -> None:
        self._settings = settings
        self._secrets = dict(secrets)
        self._outside = outside
        self._clock = clock

    async def send(self, letter: Letter) -> str:
        settings = self._settings
        timestamp = str(self._clock.now_ms() // 1000)
        known = self._secrets | _variables(letter) | {"timestamp": timestamp}
        body = self._body(letter, known)
        asked = await self._outside.ask(
            settings.method,
            Template(settings.url).substitute({name: quote(known[name], "") for name in known}),
            headers=self._headers(known, str(letter.delivery.message_id), timestamp, body or b""),
            body=body,
        )
        answer = good(asked)
        if settings.answer_contains not in answer.text:
            raise SendFailed(f"{answer.shown}, without {settings.answer_contains!r}", retry=True)
        return answer.shown

    def _body(self, letter: Letter, known: Mapping[str, str]) -> bytes | None:
        settings = self._settings
        if settings.method == "GET":
            return None
        body = payload(letter) if settings.body is None else _filled(settings.body, known)
        if settings.encoding == "form":
            return urlencode({name: _flat(value) for name, value in body.items()}).encode()
        return orjson.dumps(body)

    def _headers(
        self, known: Mapping[str, str], message_id: str, timestamp: str, body: bytes
    ) -> dict[str, str]:
        kind = "json" if self._settings.encoding == "json" else "x-www-form-urlencoded"
        headers = {"Content-Type": f"application/{kind}"}
        for name, value in self._settings.headers.items():
            headers[name] = " ".join(Template(value).substitute(known).split())
        headers["X-Qooerp-Message-Id"] = message_id
        headers["X-Qooerp-Timestamp"] = timestamp
        if key := self._secrets.get(_SIGNING_KEY):
            headers["X-Qooerp-Signature"] = signature(key, timestamp, message_id, body)
        return headers


def signature(key: str, timestamp: str, message_id: str, body: bytes) -> str:
    """What the header X-Qooerp-Signature says."""
    signed = f"{timestamp}.{message_id}.".encode() + body
    return "sha256=" + hmac.digest(key.encode(), signed, hashlib.sha256).hex()


def payload(letter: Letter) -> dict[str, Any]:
    """A message as JSON has it; docs/alarms.md lists it."""
    delivery = letter.delivery
    return {
        "messageId": str(delivery.message_id),
        "purpose": delivery.purpose.value,
        "channel": delivery.channel,
        "receivers": list(letter.receivers),
        "level": letter.level.value,
        "count": max(delivery.alarm_count, len(letter.alarms)),
        "title": letter.rendered.subject,
        "text": letter.rendered.text,
        "alarms": [
            {
                "id": alarm.id,
                "type": alarm.type.value,
                "level": alarm.level.value,
                "title": alarm.title,
                "content": alarm.content,
                "jobId": alarm.job_id,
                "logId": alarm.log_id,
                "createTime": alarm.created.isoformat(),
                "facts": dict(alarm.facts),
            }
            for alarm in letter.alarms
        ],
    }


def _variables(letter: Letter) -> dict[str, str]:
    """By the names in `scheduler.channel_kinds.VARIABLES`."""
    return {
        "text": letter.rendered.text,
        "title": letter.rendered.subject,
        "receiver": ",".join(letter.receivers),
        "message_id": str(letter.delivery.message_id),
        "level": letter.level.value,
        "count": str(max(letter.delivery.alarm_count, len(letter.alarms))),
    }


def _filled(value: Any, known: Mapping[str, str]) -> Any:
    """*value* with its texts filled in: what they become is text, whatever it looks like."""
    match value:
        case str():
            return Template(value).substitute(known)
        case dict():
            return {name: _filled(one, known) for name, one in value.items()}
        case list():
            return [_filled(one, known) for one in value]
        case _:
            return value


def _flat(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()
